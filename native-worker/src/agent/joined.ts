// A manifest on this side: its text checked by its own digest, and its parts checked while their joined bytes pass by. The bytes
// themselves are somebody else's business.
import { createHash, type Hash } from 'node:crypto';
import { type Digest, type Manifest, manifestSchema } from '@udcs/protocol';

/** What is wrong, in words, or the manifest. */
export function manifestOf(text: Buffer, digest: Digest): Manifest | string {
  const found: Digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  if (found !== digest) return `the manifest that came has the digest ${found}, not ${digest}`;
  try {
    const parsed = manifestSchema.safeParse(JSON.parse(text.toString('utf8')));
    return parsed.success ? parsed.data : `${digest} is not a manifest this worker understands`;
  } catch {
    return `${digest} is not a manifest: it is not JSON`;
  }
}

/**
 * Fed with the joined bytes in order. A whole part is checked by its digest. A part that is a range of an artifact can only be
 * checked by its size: nobody has hashed that range, and this attempt may not read the artifact around it.
 */
export class PartsCheck {
  readonly #parts: Manifest['parts'];
  #at = 0;
  #left: number;
  #hash: Hash | null;
  #wrong: string | null = null;

  constructor(manifest: Manifest) {
    this.#parts = manifest.parts;
    this.#left = this.#parts[0]?.bytes ?? 0;
    this.#hash = this.#hasher();
    this.#closeFull();
  }

  update(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#at >= this.#parts.length) {
        this.#wrong ??= 'more bytes came than the manifest lists';
        return;
      }
      const take = rest.subarray(0, this.#left);
      this.#hash?.update(take);
      this.#left -= take.length;
      rest = rest.subarray(take.length);
      this.#closeFull();
    }
  }

  /** What is wrong with all that came, or null. */
  end(): string | null {
    return this.#wrong ?? (this.#at < this.#parts.length ? `part ${this.#at} of the manifest did not come whole` : null);
  }

  #closeFull(): void {
    while (this.#left === 0 && this.#at < this.#parts.length) {
      const found = this.#hash?.digest('hex');
      const { digest } = this.#parts[this.#at] as Manifest['parts'][number];
      if (found !== undefined && `sha256:${found}` !== digest)
        this.#wrong ??= `part ${this.#at} of the manifest came with the digest sha256:${found}, not ${digest}`;
      this.#at += 1;
      this.#left = this.#parts[this.#at]?.bytes ?? 0;
      this.#hash = this.#hasher();
    }
  }

  #hasher(): Hash | null {
    return this.#parts[this.#at]?.whole === true ? createHash('sha256') : null;
  }
}
