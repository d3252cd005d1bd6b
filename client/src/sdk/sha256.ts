// SHA-256 over a stream: Node's own where there is one, else a small JavaScript one (WebCrypto can not hash by pieces).
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Digest } from '@udcs/protocol';
import { nodeBuiltin } from './platform.ts';

interface Hasher {
  update(bytes: Uint8Array): void;
  /** Ends the hashing. */
  digest(): Digest;
}

export function createHasher(): Hasher {
  const native = nodeBuiltin('node:crypto');
  if (native !== null) {
    const hash = native.createHash('sha256');
    return { update: (bytes) => void hash.update(bytes), digest: () => `sha256:${hash.digest('hex')}` };
  }
  const hash = sha256.create();
  return { update: (bytes) => void hash.update(bytes), digest: () => `sha256:${bytesToHex(hash.digest())}` };
}

export function digestOf(bytes: Uint8Array): Digest {
  const hasher = createHasher();
  hasher.update(bytes);
  return hasher.digest();
}

export async function digestOfStream(stream: AsyncIterable<Uint8Array>): Promise<{ digest: Digest; sizeBytes: number }> {
  const hasher = createHasher();
  let sizeBytes = 0;
  for await (const part of stream) {
    hasher.update(part);
    sizeBytes += part.length;
  }
  return { digest: hasher.digest(), sizeBytes };
}
