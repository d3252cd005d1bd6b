// Which digests a job names: anywhere in its spec, in its inputs (expanded over inline entries), and as its entries file.
import { type Digest, isDigest, type JobSpec, substitute } from '@udcs/protocol';

export function digestsOf(spec: JobSpec): ReadonlySet<Digest> {
  const found = new Set<Digest>();
  collect(spec.variants, found);
  if (spec.entries !== null) collect(spec.entries, found);
  for (const input of spec.inputs) {
    if (!('digest' in input.source)) continue;
    const text = input.source.digest;
    if (isDigest(text)) found.add(text);
    else if (Array.isArray(spec.entries)) {
      spec.entries.forEach((entry, index) => {
        const digest = substitute(text, { index, count: spec.count, entry });
        if (isDigest(digest)) found.add(digest);
      });
    }
  }
  return found;
}

export function digestsIn(value: unknown): ReadonlySet<Digest> {
  const found = new Set<Digest>();
  collect(value, found);
  return found;
}

function collect(value: unknown, found: Set<Digest>): void {
  if (typeof value === 'string') {
    if (isDigest(value)) found.add(value);
  } else if (Array.isArray(value)) {
    for (const item of value) collect(item, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) collect(item, found);
  }
}
