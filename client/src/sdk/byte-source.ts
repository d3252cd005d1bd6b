// Bytes to upload, readable more than once and from any position, so that a digest can be taken first and a broken upload
// resumed: from memory, a Blob, a file (Node) or a one-shot stream, which is spooled.
import { UdcsError } from '@udcs/protocol';
import { requireNode } from './platform.ts';

/** What can be uploaded. Text is UTF-8; `{ path }` is a file in Node. */
export type Uploadable = Uint8Array | ArrayBuffer | Blob | string | { readonly path: string } | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

export interface ByteSource {
  readonly sizeBytes: number;
  /** Bytes from `offset` to the end; may be called again. */
  read(offset: number): AsyncIterable<Uint8Array>;
  /** The whole as one value that fetch takes, when it is in memory or a Blob. */
  readonly body: Blob | null;
}

/** A one-shot stream is kept in memory up to this; past it, give a file or a Blob. */
const SPOOL_BYTES = 512 * 1024 * 1024;
const PART_BYTES = 1024 * 1024;

export async function byteSource(given: Uploadable): Promise<ByteSource> {
  if (typeof given === 'string') return fromBytes(new TextEncoder().encode(given));
  if (given instanceof Uint8Array) return fromBytes(given);
  if (given instanceof ArrayBuffer) return fromBytes(new Uint8Array(given));
  if (given instanceof Blob) return fromBlob(given);
  if ('path' in given) return fromFile(given.path);
  return fromBytes(await spool(given));
}

function fromBytes(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,
    async *read(offset) {
      for (let at = offset; at < bytes.length; at += PART_BYTES) yield bytes.subarray(at, at + PART_BYTES);
    },
    // A view over a SharedArrayBuffer is no BlobPart; Blob copies its parts anyway.
    body: new Blob([bytes.slice()]),
  };
}

function fromBlob(blob: Blob): ByteSource {
  return {
    sizeBytes: blob.size,
    async *read(offset) {
      for (let at = offset; at < blob.size; at += PART_BYTES) yield new Uint8Array(await blob.slice(at, at + PART_BYTES).arrayBuffer());
    },
    body: blob,
  };
}

function fromFile(path: string): ByteSource {
  const fs = requireNode('node:fs', 'reading a file by its path');
  let sizeBytes: number;
  try {
    const stat = fs.statSync(path);
    if (stat.isDirectory()) throw new UdcsError('INVALID_INPUT', `${path} is a folder, not a file`);
    sizeBytes = stat.size;
  } catch (error) {
    if (error instanceof UdcsError) throw error;
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const why = missing ? 'there is no such file' : error instanceof Error ? error.message : String(error);
    throw new UdcsError('INVALID_INPUT', `can not read ${path}: ${why}`, { cause: error });
  }
  return { sizeBytes, read: (offset) => fs.createReadStream(path, { start: offset, highWaterMark: PART_BYTES }), body: null };
}

async function spool(stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of readable(stream)) {
    sizeBytes += part.length;
    if (sizeBytes > SPOOL_BYTES)
      throw new UdcsError('TOO_LARGE', `a stream of unknown digest may be at most ${SPOOL_BYTES / 1024 / 1024} MiB`, {
        hint: 'write it to a file and upload that',
      });
    parts.push(part.slice());
  }
  return concat(parts, sizeBytes);
}

export function concat(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Reads a web stream where it is no async iterable yet (Safari). */
export async function* readable(stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  if (Symbol.asyncIterator in stream) {
    yield* stream as AsyncIterable<Uint8Array>;
    return;
  }
  const reader = (stream as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}
