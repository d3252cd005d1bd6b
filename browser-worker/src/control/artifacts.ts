// Bytes over HTTP: downloads that are hashed before anything sees them, uploads of large outputs. Every request names the
// attempt it is for, because knowing a digest grants nothing.
import { type AttemptRef, type Digest, type InputSource, isDigest, isErrorCode, limits, manifestSchema, UdcsError } from '@udcs/protocol';
import type { ArtifactCache, CacheChange } from './artifact-cache.ts';
import { backoffMs } from './backoff.ts';
import { toHex } from './identity.ts';

const RETRY = { firstMs: 300, mostMs: 15_000 };
const DOWNLOAD_TRIES = 4;

export async function digestOf(bytes: Uint8Array): Promise<Digest> {
  return `sha256:${toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)))}`;
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(text);
}

export interface Fetched {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export class Artifacts {
  readonly #coordinatorUrl: string;
  readonly #key: () => string;
  readonly #cache: ArtifactCache;
  readonly #traffic: (bytes: number) => void;
  readonly #changed: (change: CacheChange) => void;
  readonly #flights = new Map<string, Promise<Fetched>>();
  /** Cached copies whose hash was checked since this tab opened. */
  readonly #verified = new Set<Digest>();

  constructor(parts: {
    coordinatorUrl: string;
    key: () => string;
    cache: ArtifactCache;
    traffic: (bytes: number) => void;
    changed: (change: CacheChange) => void;
  }) {
    this.#coordinatorUrl = parts.coordinatorUrl;
    this.#key = parts.key;
    this.#cache = parts.cache;
    this.#traffic = parts.traffic;
    this.#changed = parts.changed;
  }

  /** @throws UdcsError INPUT_UNAVAILABLE */
  async read(digest: Digest, ref: AttemptRef, signal: AbortSignal): Promise<Uint8Array> {
    const cached = await this.#cached(digest);
    if (cached !== null) return cached;
    return (await this.#once(digest, () => this.#download(`/artifacts/${digest}`, digest, ref, signal))).bytes;
  }

  /** The bytes of an input, wherever they come from. */
  async input(source: InputSource, ref: AttemptRef, signal: AbortSignal): Promise<Fetched> {
    if ('inline' in source) {
      const bytes = fromBase64(source.inline);
      return { digest: await digestOf(bytes), bytes };
    }
    if ('job' in source) {
      const path = `/artifacts/outputs/${source.job}/${Number(source.index ?? 0)}/${encodeURIComponent(source.output)}`;
      return this.#once(path, () => this.#download(path, null, ref, signal));
    }
    const digest = source.digest as Digest;
    return { digest, bytes: await this.read(digest, ref, signal) };
  }

  /**
   * Uploads until the coordinator has it, as long as its result is worth keeping.
   * @throws UdcsError when it refuses the bytes; AbortError when the attempt is void
   */
  async upload(digest: Digest, bytes: Uint8Array, ref: AttemptRef, signal: AbortSignal): Promise<void> {
    const startedAtMs = performance.now();
    for (let attempt = 0; ; attempt++) {
      const response = await this.#request('PUT', `/artifacts/${digest}`, ref, signal, bytes).catch((thrown: unknown) => {
        if (signal.aborted) throw thrown;
        return null;
      });
      if (response?.ok) {
        this.#traffic(bytes.length);
        return;
      }
      if (response !== null && response.status < 500 && response.status !== 429)
        throw await refusalOf(response, 'INPUT_UNAVAILABLE', `The coordinator refused an output (HTTP ${response.status}).`);
      if (performance.now() - startedAtMs > limits.orphanMs) throw new UdcsError('UNREACHABLE', 'An output could not be uploaded in time.');
      await wait(backoffMs(attempt, RETRY, Math.random()), signal);
    }
  }

  async #cached(digest: Digest): Promise<Uint8Array | null> {
    const bytes = await this.#cache.get(digest).catch(() => null);
    if (bytes === null || this.#verified.has(digest)) return bytes;
    if ((await digestOf(bytes)) !== this.#cache.contentOf(digest)) {
      await this.#cache.remove(digest);
      return null;
    }
    this.#verified.add(digest);
    return bytes;
  }

  /** Tasks that start together share one download; when its starter is canceled, the others try for themselves. */
  async #once(name: string, fetched: () => Promise<Fetched>): Promise<Fetched> {
    const flying = this.#flights.get(name);
    if (flying !== undefined) {
      const landed = await flying.catch(() => null);
      if (landed !== null) return landed;
    }
    const flight = fetched();
    this.#flights.set(name, flight);
    try {
      return await flight;
    } finally {
      if (this.#flights.get(name) === flight) this.#flights.delete(name);
    }
  }

  async #download(path: string, expected: Digest | null, ref: AttemptRef, signal: AbortSignal): Promise<Fetched> {
    let problem = 'the coordinator can not be reached';
    for (let attempt = 0; attempt < DOWNLOAD_TRIES; attempt++) {
      if (attempt > 0) await wait(backoffMs(attempt, RETRY, Math.random()), signal);
      try {
        const response = await this.#request('GET', path, ref, signal);
        if (!response.ok) {
          problem = `the coordinator answered ${response.status}`;
          if (response.status < 500 && response.status !== 429) break;
          continue;
        }
        const bytes = new Uint8Array(await response.arrayBuffer());
        this.#traffic(bytes.length);
        const content = await digestOf(bytes);
        const manifest = response.headers.get('x-udcs-manifest');
        const digest = isDigest(manifest) ? manifest : content;
        const wrong =
          expected !== null && digest !== expected
            ? `the bytes have the digest ${digest}`
            : digest === manifest
              ? await this.#wrongWithJoined(digest, bytes, ref, signal)
              : null;
        if (wrong === null) return await this.#keep({ digest, bytes }, content);
        problem = wrong;
        // Damaged on the way, perhaps; twice is no accident.
        attempt = Math.max(attempt, DOWNLOAD_TRIES - 2);
      } catch (thrown) {
        if (signal.aborted) throw thrown;
      }
    }
    throw new UdcsError('INPUT_UNAVAILABLE', `${expected ?? path} can not be read: ${problem}`);
  }

  /**
   * What is wrong with the joined bytes of a manifest, or null. Whole parts are checked by their digests. A part that is a range of an
   * artifact can only be checked by its size: nobody has hashed that range, and this attempt may not read the artifact around it.
   */
  async #wrongWithJoined(digest: Digest, bytes: Uint8Array, ref: AttemptRef, signal: AbortSignal): Promise<string | null> {
    const response = await this.#request('GET', `/artifacts/${digest}?raw=1`, ref, signal);
    if (!response.ok) return `the coordinator answered ${response.status} for its manifest`;
    const text = new Uint8Array(await response.arrayBuffer());
    this.#traffic(text.length);
    if ((await digestOf(text)) !== digest) return 'its manifest has another digest';
    const manifest = manifestSchema.safeParse(await new Response(text).json().catch(() => null));
    if (!manifest.success) return 'its manifest is not one this tab understands';
    let from = 0;
    for (const [at, part] of manifest.data.parts.entries()) {
      const piece = bytes.subarray(from, from + part.bytes);
      from += part.bytes;
      if (part.whole === true && (await digestOf(piece)) !== part.digest) return `part ${at} of its manifest has another digest than ${part.digest}`;
    }
    return from === bytes.length && from === manifest.data.sizeBytes ? null : `its manifest lists ${from} bytes, ${bytes.length} came`;
  }

  async #keep(fetched: Fetched, content: Digest): Promise<Fetched> {
    this.#verified.add(fetched.digest);
    const change = await this.#cache.put(fetched.digest, fetched.bytes, content).catch(() => ({ added: [], dropped: [] }));
    if (change.added.length + change.dropped.length > 0) this.#changed(change);
    return fetched;
  }

  #request(method: string, path: string, ref: AttemptRef, signal: AbortSignal, body?: Uint8Array): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#key()}`, 'x-udcs-attempt': `${ref.task}/${ref.epoch}/${ref.attempt}` };
    // no-store: the artifact cache above is the only copy that is counted and can be deleted.
    const init: RequestInit = { method, headers, signal, cache: 'no-store', credentials: 'omit' };
    return fetch(this.#coordinatorUrl + path, body === undefined ? init : { ...init, body: body as Uint8Array<ArrayBuffer> });
  }
}

async function refusalOf(response: Response, fallback: 'INPUT_UNAVAILABLE', message: string): Promise<UdcsError> {
  const body: unknown = await response.json().catch(() => null);
  const record = (body as { error?: { code?: unknown; message?: unknown } } | null)?.error;
  return new UdcsError(isErrorCode(record?.code) ? record.code : fallback, typeof record?.message === 'string' ? record.message : message);
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
