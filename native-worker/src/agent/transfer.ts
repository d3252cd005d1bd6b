// Bytes between worker and coordinator: downloads that are hashed while they stream to a file, uploads that go on trying.
// It keeps nothing; the cache and the agent decide what stays.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type AttemptRef, type Digest, isDigest, type Manifest, UdcsError } from '@udcs/protocol';
import { manifestOf, PartsCheck } from './joined.ts';
import type { StopSignal } from './stop-signal.ts';

const TRIES = 4;
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 15_000;
const IDLE_MS = 30_000;
/** Text of a manifest of a million parts. */
const MANIFEST_BYTES = 192 * 1024 * 1024;

export const attemptName = (ref: AttemptRef): string => `${ref.task}/${ref.epoch}/${ref.attempt}`;

/** Worth another try: the other end was not there, was busy, or broke off. */
class Passing extends Error {}

/** Came whole, but is not what was asked for. */
class Damaged extends Error {}

export class Transfer {
  readonly #origin: string;
  readonly #key: string;
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 16 });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 16 });

  constructor(origin: string, key: string) {
    this.#origin = origin;
    this.#key = key;
  }

  /**
   * Streams a coordinator path into a file and tells its digest. A manifest comes as its parts joined: those are checked instead of the
   * whole, and the digest is the manifest's own.
   * @throws UdcsError INPUT_UNAVAILABLE, WRONG_DIGEST
   */
  async download(path: string, ref: AttemptRef, to: string, expected: Digest | null): Promise<{ digest: Digest; sizeBytes: number }> {
    let last = '';
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (attempt > 0) await delay(Math.random() * RETRY_FIRST_MS * 4 ** attempt);
      try {
        const got = await this.#downloadOnce(path, ref, to);
        if (expected === null || got.digest === expected) return got;
        throw new Damaged(`the bytes that came have the digest ${got.digest}, not ${expected}`);
      } catch (thrown) {
        await rm(to, { force: true });
        // Once may be the way; twice is the source.
        if (thrown instanceof Damaged && attempt > 0) throw new UdcsError('WRONG_DIGEST', thrown.message);
        if (!(thrown instanceof Passing || thrown instanceof Damaged)) throw thrown;
        last = thrown.message;
      }
    }
    throw new UdcsError('INPUT_UNAVAILABLE', `${path} could not be fetched: ${last}`);
  }

  /**
   * Uploads a file, trying until it is taken or refused for good.
   * @throws UdcsError when the coordinator refuses the bytes or `stop` fires
   */
  async upload(file: string, digest: Digest, sizeBytes: number, ref: AttemptRef, stop: StopSignal): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#uploadOnce(file, digest, sizeBytes, ref);
      } catch (thrown) {
        if (!(thrown instanceof Passing)) throw thrown;
        if (stop.aborted) throw new UdcsError('UNREACHABLE', `output ${digest} could not be uploaded: ${thrown.message}`, { cause: thrown });
      }
      await stop.wait(Math.random() * Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** attempt));
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #downloadOnce(path: string, ref: AttemptRef, to: string): Promise<{ digest: Digest; sizeBytes: number }> {
    const response = await this.#request('GET', path, ref, {}, null);
    if (response.statusCode !== 200) throw await refusal(response, 'INPUT_UNAVAILABLE', `${path} could not be fetched`);
    const joined = response.headers['x-udcs-manifest'];
    if (!isDigest(joined)) return hashedInto(response, to);
    try {
      const manifest = await this.#manifest(joined, ref);
      const check = new PartsCheck(manifest);
      await streamInto(response, to, (chunk) => check.update(chunk));
      const wrong = check.end();
      if (wrong !== null) throw new Damaged(wrong);
      return { digest: joined, sizeBytes: manifest.sizeBytes };
    } finally {
      response.destroy();
    }
  }

  async #manifest(digest: Digest, ref: AttemptRef): Promise<Manifest> {
    const path = `/artifacts/${digest}?raw=1`;
    const response = await this.#request('GET', path, ref, {}, null);
    if (response.statusCode !== 200) throw await refusal(response, 'INPUT_UNAVAILABLE', `${path} could not be fetched`);
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        sizeBytes += chunk.length;
        if (sizeBytes > MANIFEST_BYTES) throw new Damaged(`the manifest ${digest} is larger than ${MANIFEST_BYTES} bytes`);
        chunks.push(chunk);
      }
    } catch (cause) {
      if (cause instanceof Damaged) throw cause;
      throw new Passing(cause instanceof Error ? cause.message : 'the download broke off', { cause });
    }
    const manifest = manifestOf(Buffer.concat(chunks), digest);
    if (typeof manifest === 'string') throw new Damaged(manifest);
    return manifest;
  }

  async #uploadOnce(file: string, digest: Digest, sizeBytes: number, ref: AttemptRef): Promise<void> {
    const response = await this.#request(
      'PUT',
      `/artifacts/${digest}`,
      ref,
      { 'content-length': String(sizeBytes), 'content-type': 'application/octet-stream' },
      file,
    );
    if (response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300) {
      response.resume();
      return;
    }
    throw await refusal(response, 'EXECUTOR_FAILED', `output ${digest} could not be uploaded`);
  }

  #request(method: 'GET' | 'PUT', path: string, ref: AttemptRef, headers: Record<string, string>, body: string | null): Promise<IncomingMessage> {
    const url = new URL(path, this.#origin);
    const secure = url.protocol === 'https:';
    const options: RequestOptions = {
      method,
      agent: secure ? this.#https : this.#http,
      headers: { authorization: `Bearer ${this.#key}`, 'x-udcs-attempt': attemptName(ref), ...headers },
      timeout: IDLE_MS,
    };
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(url, options, resolve);
      request.on('timeout', () => request.destroy(new Error('nothing came for 30 s')));
      request.on('error', (cause) => reject(new Passing(cause.message, { cause })));
      if (body === null) request.end();
      else void pipeline(createReadStream(body), request).catch((cause: unknown) => reject(new Passing('the upload broke off', { cause })));
    });
  }
}

async function hashedInto(response: IncomingMessage, to: string): Promise<{ digest: Digest; sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  await streamInto(response, to, (chunk) => {
    hash.update(chunk);
    sizeBytes += chunk.length;
  });
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

async function streamInto(response: IncomingMessage, to: string, see: (chunk: Buffer) => void): Promise<void> {
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      see(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(response, watch, createWriteStream(to, { mode: 0o600 }));
  } catch (cause) {
    throw new Passing(cause instanceof Error ? cause.message : 'the download broke off', { cause });
  }
}

async function refusal(response: IncomingMessage, code: 'INPUT_UNAVAILABLE' | 'EXECUTOR_FAILED', what: string): Promise<Error> {
  let said = '';
  for await (const chunk of response) {
    said += String(chunk).replaceAll(/[^\x20-\x7e]/g, ' ');
    if (said.length > 300) break;
  }
  const status = response.statusCode ?? 0;
  const message = `${what}: HTTP ${status} ${said.slice(0, 300)}`;
  return status === 429 || status >= 500 ? new Passing(message) : new UdcsError(code, message);
}
