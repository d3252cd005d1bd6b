// A manifest read as what it stands for: the ranges of its parts, joined. Only the parts that a range touches are opened.
import { Readable } from 'node:stream';
import { type Digest, type Manifest, manifestSchema, UdcsError } from '@udcs/protocol';
import type { ByteRange } from './byte-ranges.ts';

/** @throws UdcsError INVALID_INPUT with what is wrong */
export function parseManifest(text: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new UdcsError('INVALID_INPUT', 'the manifest is not JSON', { cause });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UdcsError('INVALID_INPUT', `the manifest does not fit its schema at ${issue?.path.join('.') || 'its top'}: ${issue?.message ?? ''}`);
  }
  const total = parsed.data.parts.reduce((sum, part) => sum + part.bytes, 0);
  if (total !== parsed.data.sizeBytes) throw new UdcsError('INVALID_INPUT', `the manifest says ${parsed.data.sizeBytes} bytes, its parts have ${total}`);
  return parsed.data;
}

/** Every part must lie inside bytes that are there. @throws UdcsError UNKNOWN_ARTIFACT, INVALID_INPUT */
export function checkParts(manifest: Manifest, sizes: ReadonlyMap<string, number>): void {
  manifest.parts.forEach(({ digest, offset, bytes, whole }, at) => {
    const sizeBytes = sizes.get(digest);
    if (sizeBytes === undefined)
      throw new UdcsError('UNKNOWN_ARTIFACT', `part ${at} names ${digest}, which was not uploaded`, { hint: 'upload the parts first, then the manifest' });
    if (offset + bytes > sizeBytes)
      throw new UdcsError('INVALID_INPUT', `part ${at} takes bytes ${offset} to ${offset + bytes} of ${digest}, which has ${sizeBytes}`);
    if (whole === true && (offset !== 0 || bytes !== sizeBytes))
      throw new UdcsError('INVALID_INPUT', `part ${at} is called whole but has ${bytes} of the ${sizeBytes} bytes of ${digest}`, {
        hint: 'give the offset, also when it is 0, to take a range',
      });
  });
}

/** The ranges of parts that make up a range of the whole, in order. */
function* partsOf(manifest: Manifest, { from, bytes }: ByteRange): Generator<{ readonly digest: Digest; readonly from: number; readonly bytes: number }> {
  let start = 0;
  const end = from + bytes;
  for (const part of manifest.parts) {
    const low = Math.max(from, start);
    const high = Math.min(end, start + part.bytes);
    if (low < high) yield { digest: part.digest, from: part.offset + low - start, bytes: high - low };
    start += part.bytes;
    if (start >= end) return;
  }
}

/** @param open gives the bytes of one part */
export function joinedStream(
  manifest: Manifest,
  range: ByteRange,
  open: (part: { digest: Digest; from: number; bytes: number }) => Promise<Readable>,
): Readable {
  return Readable.from(
    (async function* () {
      for (const part of partsOf(manifest, range)) yield* await open(part);
    })(),
    { objectMode: false, highWaterMark: 256 * 1024 },
  );
}
