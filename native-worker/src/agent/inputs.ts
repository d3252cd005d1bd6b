// Brings an offer's inputs onto this machine: from the job itself, by digest, or from an upstream job's output. All of it is in
// the cache afterwards; what an executor sees of it is decided later.
import { type Digest, isDigest, type JobSpec, UdcsError } from '@udcs/protocol';
import { type TaskInput, taskTypeOf } from '@udcs/tasks';
import type { ArtifactCache } from './artifact-cache.ts';
import type { Offer } from './offer.ts';
import type { Transfer } from './transfer.ts';

export interface Prepared {
  readonly inputs: readonly TaskInput[];
  /** Every artifact the executor may read → its file. */
  readonly files: ReadonlyMap<Digest, string>;
}

const NOTHING: Prepared = { inputs: [], files: new Map() };

export class InputFetcher {
  readonly #cache: ArtifactCache;
  readonly #transfer: Transfer;

  constructor(cache: ArtifactCache, transfer: Transfer) {
    this.#cache = cache;
    this.#transfer = transfer;
  }

  /** @throws UdcsError INPUT_UNAVAILABLE, WRONG_DIGEST, INVALID_INPUT */
  async prepare(offer: Offer, code: 'now' | 'on demand'): Promise<Prepared> {
    const wanted = code === 'now' ? codeArtifacts(offer) : [];
    if (wanted.length === 0 && offer.expanded.inputs.length === 0) return NOTHING;
    const files = new Map<Digest, string>();
    const inputs: TaskInput[] = [];
    for (const digest of wanted) files.set(digest, await this.file(digest, offer));
    for (const input of offer.expanded.inputs) {
      const digest = await this.#locate(input.source, offer);
      files.set(digest, await this.file(digest, offer));
      inputs.push({ name: input.name, path: input.path ?? null, digest, sizeBytes: this.#cache.sizeOf(digest) });
    }
    return { inputs, files };
  }

  file(digest: Digest, offer: Offer): Promise<string> {
    return this.#cache.file(digest, offer.ref, this.#transfer);
  }

  read(digest: Digest, offer: Offer): Promise<Uint8Array> {
    return this.#cache.read(digest, offer.ref, this.#transfer);
  }

  async #locate(source: JobSpec['inputs'][number]['source'], offer: Offer): Promise<Digest> {
    if ('inline' in source) return this.#cache.put(Buffer.from(source.inline, 'base64'));
    if ('job' in source) {
      const index = Number(source.index ?? 0);
      if (!Number.isSafeInteger(index) || index < 0) throw new UdcsError('INVALID_INPUT', `"${source.index}" is not an index of an upstream task`);
      return this.#cache.fetchOutput(`/artifacts/outputs/${source.job}/${index}/${encodeURIComponent(source.output)}`, offer.ref, this.#transfer);
    }
    if (!isDigest(source.digest)) throw new UdcsError('INVALID_INPUT', `"${source.digest}" is not a digest`);
    return source.digest;
  }
}

function codeArtifacts(offer: Offer): readonly Digest[] {
  const type = taskTypeOf(offer.expanded.type);
  const spec = type.spec.safeParse(offer.expanded.spec);
  if (!spec.success) throw new UdcsError('INVALID_INPUT', `the spec of this ${offer.expanded.type} task is not understood by this worker`);
  return type.artifacts(spec.data);
}
