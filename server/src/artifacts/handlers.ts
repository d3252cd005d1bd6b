// GET, HEAD and PUT of /artifacts/… over plain Node http: ranges, conditions, resumable uploads. Bodies are streamed both ways.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type Digest, errorTable, isDigest, jobIdSchema, MANIFEST_MEDIA_TYPE, toUdcsError, UdcsError } from '@udcs/protocol';
import type { StoreReader } from '../store/reader.ts';
import type { ArtifactCaller, Authorize } from './access.ts';
import { type ArtifactBytes, notFound, type ReadableArtifact } from './artifact-bytes.ts';
import { rangeOf, uploadRangeOf } from './byte-ranges.ts';
import { safeMediaType } from './media-types.ts';

export interface ArtifactHandlersOptions {
  readonly artifacts: ArtifactBytes;
  readonly outputs: Pick<StoreReader, 'getOutput'>;
  readonly authorize: Authorize;
  /** Told of errors that are ours, with their cause. */
  readonly onDefect?: (error: Error) => void;
}

type Target =
  | { readonly kind: 'digest' | 'upload'; readonly digest: Digest }
  | { readonly kind: 'output'; readonly job: string; readonly index: number; readonly output: string };

/** Answers every request under /artifacts/; never rejects. */
export function createArtifactHandlers(options: ArtifactHandlersOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      await handle(options, request, response);
    } catch (thrown) {
      if (request.destroyed && !request.complete) return void response.destroy();
      const error = toUdcsError(thrown);
      if (error.code === 'INTERNAL') options.onDefect?.(error);
      answerError(request, response, error);
    }
  };
}

async function handle(options: ArtifactHandlersOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const target = targetOf(url.pathname);
  const caller = await options.authorize(request);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (target.kind === 'output') {
    if (!isRead) throw wrongMethod(request, 'GET or HEAD');
    return answerOutput(options, request, response, caller, target, url.searchParams);
  }
  if (request.method === 'PUT' && target.kind === 'digest') return takeUpload(options.artifacts, request, response, caller, target.digest);
  if (target.kind === 'upload') {
    if (!isRead) throw wrongMethod(request, 'HEAD');
    return answerReceived(options.artifacts, response, caller, target.digest);
  }
  if (!isRead) throw wrongMethod(request, 'GET, HEAD or PUT');
  try {
    answerArtifact(request, response, await options.artifacts.find(readerOf(caller), target.digest, url.searchParams.has('raw')), url.searchParams);
  } catch (thrown) {
    // Who asks whether it is here before a resume learns where to go on from the same answer.
    if (caller.mayWrite) response.setHeader('upload-offset', await options.artifacts.store.receivedBytes(caller.owner, target.digest));
    throw thrown;
  }
}

const readerOf = (caller: ArtifactCaller) =>
  caller.attemptOf === null ? { owner: caller.isAdmin ? null : caller.owner } : { owner: caller.owner, job: caller.attemptOf };

function targetOf(path: string): Target {
  const [, first, second, third, fourth, ...rest] = path.split('/').map(decoded);
  if (first === 'artifacts' && rest.length === 0 && second !== undefined) {
    if (isDigest(second) && third === undefined) return { kind: 'digest', digest: second };
    if (isDigest(second) && third === 'upload' && fourth === undefined) return { kind: 'upload', digest: second };
  }
  if (first === 'artifacts' && second === 'outputs' && third !== undefined && fourth !== undefined && rest.length === 1) {
    const index = /^\d{1,9}$/.test(fourth) ? Number(fourth) : Number.NaN;
    if (jobIdSchema.safeParse(third).success && !Number.isNaN(index)) return { kind: 'output', job: third, index, output: rest[0] as string };
  }
  throw new UdcsError('NOT_FOUND', `there is nothing at ${path}`, {
    hint: 'use /artifacts/sha256:<64 hex digits> or /artifacts/outputs/<job>/<index>/<output>',
  });
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function answerOutput(
  { artifacts, outputs }: ArtifactHandlersOptions,
  request: IncomingMessage,
  response: ServerResponse,
  caller: ArtifactCaller,
  target: Extract<Target, { kind: 'output' }>,
  query: URLSearchParams,
): Promise<void> {
  const found = await outputs.getOutput({ job: target.job, index: target.index, output: target.output });
  if (found === null || (found.owner !== caller.owner && !caller.isAdmin)) throw notFound(`output "${target.output}" of task ${target.job}.${target.index}`);
  const artifact = await artifacts.find({ ...readerOf(caller), ...(caller.isAdmin ? { owner: null } : {}) }, found.blob.digest);
  response.setHeader('content-disposition', `inline; filename="${target.output.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}"`);
  answerArtifact(request, response, artifact, query);
}

function answerArtifact(request: IncomingMessage, response: ServerResponse, artifact: ReadableArtifact, query: URLSearchParams): void {
  const { digest, sizeBytes } = artifact;
  const etag = `"${digest}${artifact.isJoined ? '-joined' : ''}"`;
  response.setHeader('etag', etag);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('cache-control', 'private, max-age=31536000, immutable');
  response.setHeader('content-type', safeMediaType(query.get('type') ?? artifact.mediaType));
  // The bytes come from strangers: never a script or a page of this origin.
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('content-security-policy', "sandbox; default-src 'none'");
  response.setHeader('x-udcs-digest', digest);
  if (artifact.isJoined) response.setHeader('x-udcs-manifest', digest);
  if (matches(request.headers['if-none-match'], etag)) return void response.writeHead(304).end();
  const isSameVersion = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
  const range = isSameVersion ? rangeOf(request.headers.range, sizeBytes) : null;
  if (range === 'unsatisfiable') return void response.writeHead(416, { 'content-range': `bytes */${sizeBytes}`, 'content-length': 0 }).end();
  const { from, bytes } = range ?? { from: 0, bytes: sizeBytes };
  const headers = { 'content-length': bytes, ...(range === null ? {} : { 'content-range': `bytes ${from}-${from + bytes - 1}/${sizeBytes}` }) };
  response.writeHead(range === null ? 200 : 206, headers);
  if (request.method === 'HEAD') return void response.end();
  // A reader that leaves, or a file that breaks, ends the response early; the length tells the other side that it did.
  pipeline(artifact.open({ from, bytes }), response).catch(() => response.destroy());
}

const matches = (header: string | undefined, etag: string): boolean =>
  header !== undefined && (header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag));

async function answerReceived(artifacts: ArtifactBytes, response: ServerResponse, caller: ArtifactCaller, digest: Digest): Promise<void> {
  if (!caller.mayWrite) throw mayNotWrite();
  const offset = await artifacts.store.receivedBytes(caller.owner, digest);
  response.writeHead(204, { 'upload-offset': offset, 'cache-control': 'no-store' }).end();
}

async function takeUpload(artifacts: ArtifactBytes, request: IncomingMessage, response: ServerResponse, caller: ArtifactCaller, digest: Digest): Promise<void> {
  if (!caller.mayWrite) throw mayNotWrite();
  const mediaType = (request.headers['content-type'] ?? 'application/octet-stream').split(';', 1)[0]?.trim().slice(0, 100) ?? '';
  const range = uploadRangeOf(request.headers['content-range'], request.headers['content-length']);
  // A worker's outputs are plain bytes; a list of other artifacts would let it name what it may not read.
  if (mediaType === MANIFEST_MEDIA_TYPE && caller.attemptOf !== null) throw new UdcsError('FORBIDDEN', 'an attempt may not upload a manifest');
  const { sizeBytes } = await artifacts.take({ owner: caller.owner, digest, ...range, mediaType, source: request });
  const body = JSON.stringify({ digest, sizeBytes });
  response.writeHead(201, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) }).end(body);
}

const mayNotWrite = (): UdcsError => new UdcsError('FORBIDDEN', 'this token may not upload', { hint: 'use one with the scope submit' });

const wrongMethod = (request: IncomingMessage, allowed: string): UdcsError =>
  new UdcsError('INVALID_INPUT', `${request.method} is not possible here`, { hint: `use ${allowed}` });

/** A refused upload is read a little further, so that the sender sees the answer instead of a broken pipe. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MS = 5_000;

function answerError(request: IncomingMessage, response: ServerResponse, error: UdcsError): void {
  if (response.headersSent) return void response.destroy();
  const body = JSON.stringify({ error: error.toRecord() });
  const { http } = errorTable[error.code];
  if (http === 503 || http === 507) response.setHeader('retry-after', 5);
  if (!request.complete) response.setHeader('connection', 'close');
  for (const name of ['etag', 'cache-control', 'content-disposition']) response.removeHeader(name);
  response.writeHead(http, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
  if (request.complete || request.destroyed) return;
  let drainedBytes = 0;
  const stop = setTimeout(() => request.destroy(), DRAIN_MS).unref();
  request.on('data', (chunk: Buffer) => {
    drainedBytes += chunk.length;
    if (drainedBytes > DRAIN_BYTES) request.destroy();
  });
  request.on('error', () => clearTimeout(stop));
  request.on('end', () => clearTimeout(stop));
}
