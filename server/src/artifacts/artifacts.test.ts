// Artifacts over real HTTP, files and database.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlobRef, type Digest, type JobId, MANIFEST_MEDIA_TYPE } from '@udcs/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settled, submitRow } from '../store/fixture.ts';
import { openStore, type Store } from '../store/open-store.ts';
import { ArtifactBytes, type ArtifactCaller, collectArtifacts, createArtifactHandlers, EntryFiles, FileArtifactStore } from './index.ts';

const QUOTA_BYTES = 3_000_000;
const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const inlineOf = (bytes: Uint8Array): BlobRef => ({ digest: digestOf(bytes), sizeBytes: bytes.length, inline: Buffer.from(bytes).toString('base64') });

let dataDir: string;
let store: Store;
let bytes: ArtifactBytes;
let server: Server;
let url: string;
let nowMs = 1_000;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'udcs-artifacts-'));
  store = await openStore({
    dataDir,
    onFatal: (error) => {
      throw error;
    },
  });
  bytes = new ArtifactBytes({
    store: await FileArtifactStore.open(join(dataDir, 'artifacts')),
    catalog: store.artifacts,
    wallMs: () => nowMs,
    quotaBytes: QUOTA_BYTES,
  });
  const authorize = async ({ headers }: { headers: NodeJS.Dict<string | string[]> }): Promise<ArtifactCaller> => ({
    owner: String(headers['x-owner'] ?? 'ada'),
    mayWrite: headers['x-read-only'] === undefined,
    isAdmin: headers['x-admin'] !== undefined,
    attemptOf: (headers['x-job'] as JobId | undefined) ?? null,
  });
  const handle = createArtifactHandlers({ artifacts: bytes, outputs: store.reader, authorize });
  server = createServer((request, response) => void handle(request, response));
  server.keepAliveTimeout = 60_000; // longer than any pause of a busy machine, or an idle connection closes under a request
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/artifacts`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const put = (body: Uint8Array, headers: Record<string, string> = {}, digest = digestOf(body)) =>
  fetch(`${url}/${digest}`, { method: 'PUT', body: body as Uint8Array<ArrayBuffer>, headers });
const get = (path: string, headers: Record<string, string> = {}) => fetch(`${url}/${path}`, { headers });
/** As text, because vitest compares large buffers byte by byte, slowly. */
const bytesOf = async (response: Response) => hex(new Uint8Array(await response.arrayBuffer()));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;
const partsKept = () => readdirSync(join(dataDir, 'artifacts', 'parts'));

/** Sends only the first bytes of what was announced, then drops the connection. */
const sendTruncated = (digest: Digest, body: Uint8Array, sentBytes: number) =>
  new Promise<void>((resolve) => {
    const request = httpRequest(`${url}/${digest}`, { method: 'PUT', headers: { 'content-length': body.length } });
    request.on('error', () => resolve());
    request.on('close', () => resolve());
    request.write(body.subarray(0, sentBytes), () => request.destroy());
  });

describe('upload', () => {
  test('what was sent can be read by its owner and by nobody else', async () => {
    const body = randomBytes(300_000);
    expect((await put(body)).status).toBe(201);
    const answer = await get(digestOf(body));
    expect(answer.headers.get('etag')).toBe(`"${digestOf(body)}"`);
    expect(await bytesOf(answer)).toBe(hex(body));
    const foreign = await get(digestOf(body), { 'x-owner': 'bob' });
    expect([foreign.status, await codeOf(foreign)]).toEqual([404, 'NOT_FOUND']);
    expect((await get(digestOf(body), { 'x-owner': 'root', 'x-admin': '1' })).status).toBe(200);
    expect((await get(digestOf(body), { 'if-none-match': `"${digestOf(body)}"` })).status).toBe(304);
  });

  test('bytes with another digest are refused and nothing is kept', async () => {
    const body = randomBytes(1_000);
    const wrong = digestOf(randomBytes(1));
    const answer = await put(body, {}, wrong);
    expect([answer.status, await codeOf(answer)]).toEqual([422, 'WRONG_DIGEST']);
    expect([(await get(wrong)).status, (await get(digestOf(body))).status, partsKept()]).toEqual([404, 404, []]);
  });

  test('a truncated upload is no artifact, and goes on where it broke off', async () => {
    const body = randomBytes(900_000);
    const digest = digestOf(body);
    await sendTruncated(digest, body, 500_000);
    let offset = 0;
    await expect
      .poll(async () => (offset = Number((await fetch(`${url}/${digest}/upload`, { method: 'HEAD' })).headers.get('upload-offset'))))
      .toBeGreaterThan(0);
    expect((await get(digest)).headers.get('upload-offset')).toBe(String(offset));
    expect((await fetch(`${url}/${digest}/upload`, { method: 'HEAD', headers: { 'x-owner': 'bob' } })).headers.get('upload-offset')).toBe('0');
    const gap = await put(body.subarray(offset + 1), { 'content-range': `bytes ${offset + 1}-${body.length - 1}/${body.length}` }, digest);
    expect([gap.status, await codeOf(gap)]).toEqual([409, 'CONFLICT']);
    const rest = await put(body.subarray(offset), { 'content-range': `bytes ${offset}-${body.length - 1}/${body.length}` }, digest);
    expect(rest.status).toBe(201);
    expect(await bytesOf(await get(digest))).toBe(hex(body));
    expect(partsKept()).toEqual([]);
  });

  test('the same bytes sent by many at once become one artifact', async () => {
    const body = randomBytes(200_000);
    const answers = await Promise.all(Array.from({ length: 6 }, (_, at) => put(body, { 'x-owner': `many${at % 2}` })));
    expect(answers.map((answer) => answer.status)).toEqual(Array(6).fill(201));
    expect(store.artifacts.usedBytes('many0')).toBe(body.length);
    expect(partsKept()).toEqual([]);
  });

  test('an owner over quota is refused, announced or not', async () => {
    const announced = await put(new Uint8Array(QUOTA_BYTES + 1), { 'x-owner': 'hog' });
    expect([announced.status, await codeOf(announced)]).toEqual([507, 'QUOTA_EXCEEDED']);
    const body = Buffer.alloc(QUOTA_BYTES + 1, 7);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < body.length; at += 65_536) controller.enqueue(body.subarray(at, at + 65_536));
        controller.close();
      },
    });
    const chunked = await fetch(`${url}/${digestOf(body)}`, { method: 'PUT', headers: { 'x-owner': 'hog' }, body: stream, duplex: 'half' } as RequestInit);
    expect([chunked.status, await codeOf(chunked)]).toEqual([507, 'QUOTA_EXCEEDED']);
    expect([store.artifacts.usedBytes('hog'), partsKept()]).toEqual([0, []]);
  });

  test('a read-only caller, a strange path and a strange range are told so', async () => {
    const body = randomBytes(10);
    expect(await codeOf(await put(body, { 'x-read-only': '1' }))).toBe('FORBIDDEN');
    expect(await codeOf(await get('sha256:zz'))).toBe('NOT_FOUND');
    expect(await codeOf(await get(`outputs/${'x'.repeat(10)}/0/c`))).toBe('NOT_FOUND');
    expect(await codeOf(await put(body, { 'content-range': 'bytes 5-2/10' }))).toBe('INVALID_INPUT');
    expect(await codeOf(await fetch(`${url}/${digestOf(body)}`, { method: 'DELETE' }))).toBe('INVALID_INPUT');
  });

  test('a stranger’s page is never a page of ours', async () => {
    const body = Buffer.from('<script>alert(1)</script>');
    await put(body, { 'content-type': 'text/html' });
    const answer = await get(`${digestOf(body)}?type=text/html`);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    expect((await get(`${digestOf(body)}?type=image/png`)).headers.get('content-type')).toBe('image/png');
  });
});

const rangeHeader = fc.oneof(
  fc.record({ from: fc.nat(6_000), to: fc.option(fc.nat(6_000)) }).map(({ from, to }) => `bytes=${from}-${to ?? ''}`),
  fc.nat(6_000).map((bytes) => `bytes=-${bytes}`),
);

/** What RFC 9110 says about one range of `body`: status and bytes. */
function expected(header: string, body: Buffer): [number, string] {
  const [status, bytes] = slice(header, body);
  return [status, hex(bytes)];
}

function slice(header: string, body: Buffer): [number, Buffer] {
  const [first = '', last = ''] = header.slice('bytes='.length).split('-');
  if (first === '' && body.length === 0) return [Number(last) === 0 ? 416 : 200, body];
  if (first === '') return Number(last) === 0 ? [416, Buffer.alloc(0)] : [206, body.subarray(Math.max(0, body.length - Number(last)))];
  if (last !== '' && Number(last) < Number(first)) return [200, body];
  if (Number(first) >= body.length) return [416, Buffer.alloc(0)];
  return [206, body.subarray(Number(first), last === '' ? undefined : Number(last) + 1)];
}

describe('ranges', () => {
  test('of an artifact are slices of it', async () => {
    const body = randomBytes(5_000);
    await put(body);
    await fc.assert(
      fc.asyncProperty(rangeHeader, async (range) => {
        const answer = await get(digestOf(body), { range });
        expect([answer.status, await bytesOf(answer)]).toEqual(expected(range, body));
      }),
      { numRuns: 150 },
    );
  });

  test('of a manifest are slices of its parts joined, inline outputs among them', async () => {
    const blob = randomBytes(3_000);
    await put(blob);
    const small = randomBytes(500);
    const row = submitRow();
    await store.writer.submit([row]);
    await store.writer.write([settled(row.job.id, 0, 1, { outputs: { c: inlineOf(small) } })]);
    const sources = new Map([blob, small].map((one) => [digestOf(one), one]));
    const part = fc
      .constantFrom(blob, small)
      .chain((one) => fc.nat(one.length).chain((offset) => fc.nat(one.length - offset).map((count) => ({ digest: digestOf(one), offset, bytes: count }))));
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 12 }), fc.array(rangeHeader, { minLength: 1, maxLength: 4 }), async (parts, ranges) => {
        const joined = Buffer.concat(parts.map(({ digest, offset, bytes: count }) => (sources.get(digest) as Buffer).subarray(offset, offset + count)));
        const manifest = Buffer.from(JSON.stringify({ kind: 'udcs.manifest/1', sizeBytes: joined.length, parts }));
        expect((await put(manifest, { 'content-type': MANIFEST_MEDIA_TYPE })).status).toBe(201);
        const whole = await get(digestOf(manifest));
        expect(whole.headers.get('x-udcs-manifest')).toBe(digestOf(manifest));
        expect(await bytesOf(whole)).toBe(hex(joined));
        expect(await bytesOf(await get(`${digestOf(manifest)}?raw=1`))).toBe(hex(manifest));
        for (const range of ranges) {
          const answer = await get(digestOf(manifest), { range });
          expect([answer.status, await bytesOf(answer)]).toEqual(expected(range, joined));
        }
      }),
      { numRuns: 40 },
    );
  });

  test('a manifest of parts that are not there, not the owner’s or too short is refused', async () => {
    const theirs = randomBytes(10);
    await put(theirs, { 'x-owner': 'bob' });
    const mine = randomBytes(10);
    await put(mine);
    const send = (digest: Digest, count: number, sizeBytes = count, more = {}) => {
      const text = JSON.stringify({ kind: 'udcs.manifest/1', sizeBytes, parts: [{ digest, offset: 0, bytes: count, ...more }] });
      return put(Buffer.from(text), { 'content-type': MANIFEST_MEDIA_TYPE });
    };
    expect(await codeOf(await send(digestOf(theirs), 10))).toBe('UNKNOWN_ARTIFACT');
    expect(await codeOf(await send(digestOf(mine), 11))).toBe('INVALID_INPUT');
    expect(await codeOf(await send(digestOf(mine), 10, 11))).toBe('INVALID_INPUT');
    expect(await codeOf(await put(Buffer.from('{'), { 'content-type': MANIFEST_MEDIA_TYPE }))).toBe('INVALID_INPUT');
    expect(await codeOf(await send(digestOf(mine), 9, 9, { whole: true }))).toBe('INVALID_INPUT');
    expect((await send(digestOf(mine), 10, 10, { whole: true })).status).toBe(201);
    expect((await send(digestOf(mine), 10)).status).toBe(201);
  });
});

describe('outputs', () => {
  test('are read by name, inline or uploaded, by the owner, an admin and dependents', async () => {
    const small = Buffer.from('small');
    const large = randomBytes(100_000);
    await put(large);
    const row = submitRow();
    await store.writer.submit([row]);
    await store.writer.write([settled(row.job.id, 0, 1, { outputs: { small: inlineOf(small), large: { digest: digestOf(large), sizeBytes: large.length } } })]);
    const next = submitRow({ after: [row.job.id] });
    await store.writer.submit([next]);
    const path = `outputs/${row.job.id}/0`;
    expect(await bytesOf(await get(`${path}/small`))).toBe(hex(small));
    expect(await bytesOf(await get(digestOf(small)))).toBe(hex(small));
    expect(await bytesOf(await get(`${path}/large`, { range: 'bytes=5-9' }))).toBe(hex(large.subarray(5, 10)));
    expect((await get(`${path}/small`, { 'x-job': next.job.id })).status).toBe(200);
    expect((await get(`${path}/small`, { 'x-job': row.job.id })).status).toBe(404);
    expect((await get(`${path}/small`, { 'x-owner': 'bob' })).status).toBe(404);
    expect((await get(`${path}/small`, { 'x-owner': 'bob', 'x-admin': '1' })).status).toBe(200);
    expect((await get(`${path}/none`)).status).toBe(404);
  });
});

test('entries of a file are found by their line', async () => {
  const lines = Array.from({ length: 1_000 }, (_, at) => JSON.stringify({ name: `n${at}é`, at }));
  const body = Buffer.from(lines.join('\n'));
  await put(body);
  const files = new EntryFiles(bytes);
  expect(await files.count(digestOf(body))).toBe(1_000);
  expect(await files.read(digestOf(body), [999, 0, 500])).toEqual([999, 0, 500].map((at) => ({ name: `n${at}é`, at })));
  await expect(files.read(digestOf(body), [1_000])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  await expect(files.read(digestOf(Buffer.from('none')), [0])).rejects.toMatchObject({ code: 'INPUT_UNAVAILABLE' });
});

test('what nobody needs is collected after its grace, parts of a manifest with it and not before', async () => {
  const part = randomBytes(50);
  await put(part, { 'x-owner': 'tidy' });
  const manifest = Buffer.from(JSON.stringify({ kind: 'udcs.manifest/1', sizeBytes: 50, parts: [{ digest: digestOf(part), offset: 0, bytes: 50 }] }));
  await put(manifest, { 'x-owner': 'tidy', 'content-type': MANIFEST_MEDIA_TYPE });
  const row = submitRow({ variants: [{ type: 'WASM', spec: { module: digestOf(manifest) }, requires: [] }] }, { owner: 'tidy' });
  await store.writer.submit([row]);
  const there = async () => [await bytes.store.has(digestOf(manifest)), await bytes.store.has(digestOf(part))];
  nowMs = 10_000;
  await collectArtifacts(bytes, nowMs, 1_000);
  expect(await there()).toEqual([true, true]);
  await store.writer.change([{ sql: 'delete from artifact_ref where job = ?', args: [row.job.id] }]);
  await collectArtifacts(bytes, nowMs, 1_000);
  await collectArtifacts(bytes, nowMs, 1_000);
  expect(await there()).toEqual([false, false]);
  expect(store.artifacts.usedBytes('tidy')).toBe(0);
});
