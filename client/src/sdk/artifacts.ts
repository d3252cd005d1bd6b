// Artifacts: immutable bytes named by their SHA-256, by plain HTTP beside the API. Nothing is uploaded that the
// coordinator holds already; a broken upload goes on where it stopped; what is downloaded is hashed before it is believed.
import { type BlobRef, type Digest, limits, MANIFEST_MEDIA_TYPE, type Manifest, type ProcedureOutput, UdcsError } from '@udcs/protocol';
import { type ByteSource, byteSource, concat, readable, type Uploadable } from './byte-source.ts';
import { errorOfStatus, isPassing, unreachable } from './errors.ts';
import { createHasher, digestOf, digestOfStream } from './sha256.ts';
import type { Transport } from './transport.ts';
import { backoffMs, sleep } from './waiting.ts';

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told with the bytes moved so far. */
  readonly onProgress?: ((movedBytes: number, totalBytes: number) => void) | undefined;
}

export interface Uploaded {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** false = the coordinator held these bytes already. */
  readonly sent: boolean;
}

interface PutOptions extends TransferOptions {
  readonly mediaType?: string;
}

/** A part of a manifest: without an offset a whole artifact, which its readers check by its digest; with one a range of it. */
export interface ManifestPart {
  readonly digest: Digest;
  readonly offset?: number;
  readonly bytes: number;
}

const UPLOAD_TRIES = 6;
/** Digests asked about in one call. */
const FIND_MISSING = 10_000;

export class Artifacts {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Which of these the coordinator does not hold for this owner. */
  async findMissing(digests: Iterable<Digest>, options: { signal?: AbortSignal | undefined } = {}): Promise<Set<Digest>> {
    const wanted = [...new Set(digests)];
    const missing = new Set<Digest>();
    for (let at = 0; at < wanted.length; at += FIND_MISSING) {
      const answer = await this.#transport.call('artifacts.findMissing', { digests: wanted.slice(at, at + FIND_MISSING) }, options.signal);
      for (const digest of answer.missing) missing.add(digest);
    }
    return missing;
  }

  /** Uploads unless the coordinator holds it already. */
  async put(given: Uploadable, options: PutOptions = {}): Promise<Uploaded> {
    const source = await byteSource(given);
    const { digest } = await digestOfStream(source.read(0));
    const sent = (await this.findMissing([digest], options)).has(digest);
    if (sent) await this.#upload(digest, source, options);
    return { digest, sizeBytes: source.sizeBytes, sent };
  }

  /** Many at once: one question for all, then only the missing ones, a few at a time. */
  async putMany(given: readonly Uploadable[], options: PutOptions & { readonly parallel?: number } = {}): Promise<Uploaded[]> {
    const named: { source: ByteSource; digest: Digest }[] = [];
    for (const item of given) {
      const source = await byteSource(item);
      named.push({ source, digest: (await digestOfStream(source.read(0))).digest });
    }
    const missing = await this.findMissing(
      named.map(({ digest }) => digest),
      options,
    );
    const queue = named.filter(({ digest }, at) => missing.has(digest) && named.findIndex((other) => other.digest === digest) === at);
    const totalBytes = queue.reduce((sum, { source }) => sum + source.sizeBytes, 0);
    let movedBytes = 0;
    const next = async (): Promise<void> => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        await this.#upload(item.digest, item.source, { signal: options.signal });
        movedBytes += item.source.sizeBytes;
        options.onProgress?.(movedBytes, totalBytes);
      }
    };
    await Promise.all(Array.from({ length: options.parallel ?? 4 }, next));
    return named.map(({ digest, source }) => ({ digest, sizeBytes: source.sizeBytes, sent: missing.has(digest) }));
  }

  /** Joins parts in order without moving a byte: the result is an artifact whose content is their concatenation. */
  async join(parts: readonly ManifestPart[], options: TransferOptions = {}): Promise<Uploaded> {
    if (parts.length > limits.manifestParts) throw new UdcsError('TOO_LARGE', `a manifest has at most ${limits.manifestParts} parts, not ${parts.length}`);
    const manifest: Manifest = {
      kind: 'udcs.manifest/1',
      sizeBytes: parts.reduce((sum, part) => sum + part.bytes, 0),
      parts: parts.map(({ digest, offset, bytes }) => (offset === undefined ? { digest, offset: 0, bytes, whole: true } : { digest, offset, bytes })),
    };
    const uploaded = await this.put(JSON.stringify(manifest), { ...options, mediaType: MANIFEST_MEDIA_TYPE });
    return { ...uploaded, sizeBytes: manifest.sizeBytes };
  }

  list(page: { cursor?: string; limit?: number } = {}, signal?: AbortSignal): Promise<ProcedureOutput<'artifacts.list'>> {
    return this.#transport.call('artifacts.list', page, signal);
  }

  /** The bytes. @throws UdcsError NOT_FOUND, WRONG_DIGEST */
  async get(digest: Digest, options: TransferOptions = {}): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const part of this.stream(digest, options)) {
      parts.push(part);
      sizeBytes += part.length;
    }
    return concat(parts, sizeBytes);
  }

  /**
   * The bytes as they arrive; a lost connection is reopened where it broke. The hash is known at the end only: what was
   * read counts when the iteration ends without throwing.
   * @throws UdcsError NOT_FOUND, WRONG_DIGEST
   */
  async *stream(digest: Digest, options: TransferOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const hasher = createHasher();
    let offset = 0;
    let joined = false;
    for (let attempt = 0; ; ) {
      try {
        const response = await this.#fetch(digest, {
          headers: offset > 0 ? { range: `bytes=${offset}-` } : {},
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
        joined = response.headers.get('x-udcs-manifest') !== null || response.headers.get('content-type') === MANIFEST_MEDIA_TYPE;
        const totalBytes = offset + Number(response.headers.get('content-length') ?? 0);
        for await (const part of readable(response.body ?? new ReadableStream())) {
          hasher.update(part);
          offset += part.length;
          attempt = 0;
          options.onProgress?.(offset, totalBytes);
          yield part;
        }
        break;
      } catch (error) {
        if (options.signal?.aborted === true || !(isPassing(error) || isBroken(error)) || attempt >= UPLOAD_TRIES) throw error;
        await sleep(backoffMs(attempt++), options.signal);
      }
    }
    const found = hasher.digest();
    // A manifest's name is the hash of its list, its content is the joined parts, each of which the coordinator has checked.
    if (found !== digest && !joined)
      throw new UdcsError('WRONG_DIGEST', `${digest} was answered with other bytes (${found})`, {
        hint: 'something between here and the coordinator changes data',
      });
  }

  /** The bytes of an output, inline or by digest, checked either way. */
  async read(blob: BlobRef, options: TransferOptions = {}): Promise<Uint8Array> {
    if (blob.inline === undefined) return this.get(blob.digest, options);
    const bytes = Uint8Array.from(atob(blob.inline), (character) => character.charCodeAt(0));
    if (digestOf(bytes) !== blob.digest) throw new UdcsError('WRONG_DIGEST', `an inline output does not have its digest ${blob.digest}`);
    return bytes;
  }

  async #upload(digest: Digest, source: ByteSource, options: PutOptions): Promise<void> {
    const { signal, onProgress } = options;
    for (let attempt = 0; ; attempt++) {
      try {
        const offset = attempt === 0 ? 0 : await this.#received(digest, source.sizeBytes, signal);
        if (offset === null) return;
        await this.#send(digest, source, offset, options);
        onProgress?.(source.sizeBytes, source.sizeBytes);
        return;
      } catch (error) {
        if (signal?.aborted === true || !isPassing(error) || attempt >= UPLOAD_TRIES) throw error;
        await sleep(backoffMs(attempt), signal);
      }
    }
  }

  async #send(digest: Digest, source: ByteSource, offset: number, { signal, onProgress, mediaType }: PutOptions): Promise<void> {
    const headers: Record<string, string> = { 'content-type': mediaType ?? 'application/octet-stream' };
    if (offset > 0) headers['content-range'] = `bytes ${offset}-${source.sizeBytes - 1}/${source.sizeBytes}`;
    // A stream as body needs HTTP/2 in browsers; there every source is bytes or a Blob.
    const body = source.body !== null ? source.body.slice(offset) : streamOf(source, offset, onProgress);
    if (source.body === null) headers['content-length'] = String(source.sizeBytes - offset);
    const response = await this.#fetch(digest, {
      method: 'PUT',
      headers,
      body,
      ...(source.body === null ? { duplex: 'half' } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    await response.body?.cancel();
  }

  /** Bytes the coordinator kept of a broken upload; null when it has all. */
  async #received(digest: Digest, sizeBytes: number, signal: AbortSignal | undefined): Promise<number | null> {
    const response = await this.#fetch(digest, { method: 'HEAD', ...(signal === undefined ? {} : { signal }) }, [404]);
    if (response.ok) return null;
    const offset = Number(response.headers.get('upload-offset') ?? 0);
    return Number.isSafeInteger(offset) && offset >= 0 && offset < sizeBytes ? offset : 0;
  }

  async #fetch(digest: Digest, init: RequestInit, alsoFine: readonly number[] = []): Promise<Response> {
    const { url, token } = this.#transport.options;
    const headers = { ...(init.headers as Record<string, string> | undefined), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    let response: Response;
    try {
      response = await fetch(`${url}/artifacts/${digest}`, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted === true) throw init.signal.reason;
      if (error instanceof UdcsError) throw error;
      throw unreachable(url, error);
    }
    if (response.ok || alsoFine.includes(response.status)) return response;
    throw errorOfStatus(response.status, await response.json().catch(() => null), `${init.method ?? 'GET'} of ${digest}`);
  }
}

/** undici's word for a connection that ended in the middle of a body. */
const isBroken = (error: unknown): boolean => error instanceof TypeError && /terminated|network|fetch failed/i.test(error.message);

function streamOf(source: ByteSource, offset: number, onProgress: TransferOptions['onProgress']): ReadableStream<Uint8Array> {
  const parts = source.read(offset)[Symbol.asyncIterator]();
  let moved = offset;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const part = await parts.next();
      if (part.done === true) return controller.close();
      moved += part.value.length;
      onProgress?.(moved, source.sizeBytes);
      controller.enqueue(part.value);
    },
    async cancel() {
      await parts.return?.();
    },
  });
}
