// The reading side and what is built on the store, against a real database file.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  attemptViewSchema,
  type BlobRef,
  type Digest,
  type JobId,
  jobViewSchema,
  taskIdOf,
  taskViewSchema,
  tokenViewSchema,
  workerViewSchema,
} from '@udcs/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fact } from '../core/seam.ts';
import { attemptOf, counted, nextId, settled, submitRow, WORKER } from './fixture.ts';
import { openStore, type Store } from './open-store.ts';
import { sweepEnded } from './retention.ts';

let dataDir: string;
let store: Store;
const open = () =>
  openStore({
    dataDir,
    onFatal: (error) => {
      throw error;
    },
  });

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'udcs-store-'));
  store = await open();
});
afterEach(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const submit = async (row = submitRow()): Promise<JobId> => {
  expect((await store.writer.submit([row]))[0]).toMatchObject({ ok: true });
  return row.job.id;
};
const inline = (text: string): BlobRef => ({
  digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  sizeBytes: Buffer.byteLength(text),
  inline: Buffer.from(text).toString('base64'),
});
const seen = (): Fact => ({
  type: 'worker.seen',
  atMs: 10,
  introduction: {
    worker: WORKER,
    host: nextId('hst'),
    kind: 'native',
    name: 'bench',
    instance: '0'.repeat(32),
    software: 'test/1',
    owner: null,
    network: 'n',
    capabilities: { types: ['MOCK'], untrustedTypes: [], attributes: {}, devices: [], pools: { slots: 1, cpus: 1, memoryBytes: 1, diskBytes: 1 } },
  },
});

describe('jobs', () => {
  test('are listed newest first, page by page, by state, by text, and only those of the owner', async () => {
    const ids: JobId[] = [];
    for (let at = 0; at < 5; at++) ids.push(await submit(submitRow({ name: `Render ${at}` })));
    await submit(submitRow({ name: 'Render theirs' }, { owner: 'bob' }));
    const [first] = ids as [JobId];
    await store.writer.write([settled(first, 0, 1), counted(first, 1, { succeeded: 1, endedAtMs: 5 })]);
    const page = await store.reader.listJobs({ owner: 'ada', limit: 3 });
    expect(page.items.map((job) => job.id)).toEqual(ids.slice(2).reverse());
    const rest = await store.reader.listJobs({ owner: 'ada', limit: 3, cursor: page.nextCursor ?? undefined });
    expect(rest).toMatchObject({ items: [{ id: ids[1] }, { id: first, state: 'succeeded' }], nextCursor: null });
    expect((await store.reader.listJobs({ owner: 'ada', state: 'succeeded', limit: 9 })).items.map((job) => job.id)).toEqual([first]);
    expect((await store.reader.listJobs({ owner: null, state: 'queued', search: 'THEIRS', limit: 9 })).items).toHaveLength(1);
    expect(await store.reader.getJob({ owner: 'bob', id: first })).toBeNull();
    expect(jobViewSchema.parse(await store.reader.getJob({ owner: 'ada', id: first }))).toMatchObject({ seq: 1, counts: { total: 1, succeeded: 1 } });
    expect((await store.reader.getJobSpec({ owner: 'ada', id: first }))?.spec.name).toBe('Render 0');
  });
});

describe('tasks and attempts', () => {
  test('come with outputs and logs, and inline bytes are kept once', async () => {
    const job = await submit(submitRow({ count: 3, isArray: true }));
    const log = inline('a log');
    const { inline: _bytes, ...slim } = log;
    await store.writer.write([
      seen(),
      settled(job, 0, 1, { outputs: { c: inline('hello') }, by: attemptOf(job, '0', { log }) }),
      settled(job, 2, 2, { outputs: { c: inline('hello') }, value: null, by: attemptOf(job, '2', { log: slim, exitCode: 3 }) }),
      { type: 'attempt.ended', job, seq: 3, record: attemptOf(job, '2', { attempt: 2, state: 'lost', assignedAtMs: 0 }) },
      { type: 'attempt.opened', ref: attemptOf(job, '2'), worker: WORKER, host: nextId('hst'), assignedAtMs: 1 },
      counted(job, 3, { total: 3, succeeded: 2 }),
    ]);
    const page = await store.reader.listTasks({ job, limit: 1 });
    expect(taskViewSchema.parse(page.items[0])).toMatchObject({ index: 0, value: { index: 0 }, outputs: { c: inline('hello') }, log, worker: WORKER });
    expect(page.nextCursor).toBe('0');
    const next = await store.reader.listTasks({ job, limit: 9, cursor: '0' });
    expect(next).toMatchObject({ items: [{ index: 2, exitCode: 3, outputs: { c: inline('hello') } }], nextCursor: null });
    expect(next.items[0]).not.toHaveProperty('value');
    expect(await store.reader.getOutput({ job, index: 2, output: 'c' })).toEqual({ owner: 'ada', blob: inline('hello') });
    expect(await store.reader.getOutput({ job, index: 2, output: 'toString' })).toBeNull();
    const ofTask = await store.reader.listAttempts({ job, task: taskIdOf(job, '2'), limit: 9 });
    expect(ofTask.items.map((one) => [attemptViewSchema.parse(one).attempt, one.state, one.workerName])).toEqual([
      [2, 'lost', 'bench'],
      [1, 'succeeded', 'bench'],
    ]);
    const all: string[] = [];
    let cursor: string | undefined;
    do {
      const one = await store.reader.listAttempts({ job, limit: 1, cursor });
      all.push(...one.items.map((view) => `${view.task.split('.')[1]}#${view.attempt}`));
      cursor = one.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(all).toEqual(['2#2', '0#1', '2#1']);
    expect((await store.reader.listWorkers({ limit: 9 })).items.map((one) => workerViewSchema.shape.state.parse(one.state))).toEqual(['gone']);
  });

  test('of an ended job include those that were never started, as canceled', async () => {
    const job = await submit(submitRow({ count: 6, isArray: true }));
    await store.writer.write([settled(job, 1, 1), settled(job, 4, 1, { state: 'failed' }), counted(job, 1, { total: 6, succeeded: 1, failed: 1 })]);
    expect((await store.reader.listTasks({ job, limit: 9 })).items.map((task) => task.index)).toEqual([1, 4]);
    const error = { code: 'CANCELED', message: 'by its owner' } as const;
    await store.writer.write([counted(job, 2, { total: 6, succeeded: 1, failed: 1, canceled: 4, endedAtMs: 9, error })]);
    const seenStates: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.reader.listTasks({ job, limit: 2, cursor });
      seenStates.push(...page.items.map((task) => taskViewSchema.parse(task).state));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seenStates).toEqual(['canceled', 'succeeded', 'canceled', 'canceled', 'failed', 'canceled']);
    const canceled = await store.reader.listTasks({ job, state: 'canceled', limit: 9 });
    expect(canceled.items.map((task) => [task.index, task.error])).toEqual([0, 2, 3, 5].map((index) => [index, error]));
  });

  test('a cursor gives everything settled after it, never half of one seq', async () => {
    const job = await submit(submitRow({ count: 10, isArray: true }));
    await store.writer.write([0, 1, 2, 3, 4, 5].map((index) => settled(job, index, 1 + (index >> 1))));
    const got: number[] = [];
    for (let seq: number | null = 0; seq !== null; ) {
      const page: Awaited<ReturnType<Store['reader']['getSettledAfter']>> = await store.reader.getSettledAfter({ job, afterSeq: seq, limit: 3 });
      got.push(...page.tasks.map((task) => task.index));
      seq = page.nextSeq;
    }
    expect(got).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await store.reader.getSettledAfter({ job, afterSeq: 3, limit: 3 })).toEqual({ tasks: [], seq: 3, nextSeq: null });
  });
});

test('the reading connection can not write', async () => {
  await expect(store.reader.listJobs({ owner: "x'; delete from job; --", limit: 1 })).resolves.toMatchObject({ items: [] });
  const { openReadDatabase } = await import('./reads/database.ts');
  const { sql } = await import('drizzle-orm');
  await expect(openReadDatabase(join(dataDir, 'udcs.db')).run(sql`delete from setting returning name`)).rejects.toMatchObject({
    cause: { message: expect.stringMatching(/readonly/i) },
  });
});

describe('access', () => {
  test('tokens are found by hash, also after a restart, and not once revoked', async () => {
    const id = nextId('tok');
    const view = await store.access.createToken({
      id,
      hash: 'h',
      prefix: 'udcs_ab',
      name: 'ci',
      owner: 'ada',
      scopes: ['submit'],
      createdAtMs: 1,
      expiresAtMs: null,
    });
    expect(tokenViewSchema.parse(view).id).toBe(id);
    await store.access.touchToken('h', 100_000);
    await store.close();
    store = await open();
    expect(store.access.findToken('h')).toMatchObject({ owner: 'ada', scopes: ['submit'], lastUsedAtMs: 100_000 });
    expect(await store.access.revokeToken(id, 5, 'bob')).toBe(false);
    expect(await store.access.revokeToken(id, 5, 'ada')).toBe(true);
    expect(store.access.findToken('h')).toBeNull();
    expect(await store.reader.listTokens({ owner: 'ada' })).toMatchObject([{ id, revokedAtMs: 5, scopes: ['submit'] }]);
  });

  test('an invite for three lets exactly three of ten in, and none after it expired', async () => {
    await store.access.createInvite({ id: 'inv_1', codeHash: 'c', kind: 'donate', owner: null, scopes: null, usesLeft: 3, createdAtMs: 1, expiresAtMs: 100 });
    const results = await Promise.all(Array.from({ length: 10 }, () => store.access.useInvite('c', 50)));
    expect(results.filter((one) => one !== null)).toHaveLength(3);
    await store.access.createInvite({
      id: 'inv_2',
      codeHash: 'd',
      kind: 'native',
      owner: 'ada',
      scopes: null,
      usesLeft: null,
      createdAtMs: 1,
      expiresAtMs: 100,
    });
    expect(await store.access.useInvite('d', 100)).toBeNull();
    expect(await store.access.useInvite('d', 99)).toMatchObject({ owner: 'ada', usesLeft: null, joined: 1 });
    expect(await store.reader.listInvites({ owner: null })).toMatchObject([{ id: 'inv_2' }, { id: 'inv_1', usesLeft: 0, joined: 3 }]);
  });

  test('a host that joins again keeps its id and its old key ends', async () => {
    const host = {
      id: nextId('hst'),
      hostKey: 'k',
      keyHash: 'one',
      owner: 'ada',
      kind: 'native',
      network: 'n',
      name: 'm',
      invite: 'inv_1',
      joinedAtMs: 1,
    } as const;
    await store.access.joinHost(host);
    const again = await store.access.joinHost({ ...host, id: nextId('hst'), keyHash: 'two' });
    expect(again.id).toBe(host.id);
    expect(store.access.findHost('one')).toBeNull();
    expect(store.access.findHost('two')?.id).toBe(host.id);
    expect(await store.access.revokeHosts({ invite: 'inv_1' }, 9)).toEqual([host.id]);
    expect(store.access.findHost('two')).toBeNull();
  });

  test('a setting is made once and stays', async () => {
    const [one, two] = [await store.access.settingOrNew('mac', () => 'first'), await store.access.settingOrNew('mac', () => 'second')];
    expect([one, two]).toEqual(['first', 'first']);
  });
});

describe('artifacts', () => {
  const digest = (text: string): Digest => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const add = (text: string, owner = 'ada', atMs = 0) =>
    store.artifacts.add({ digest: digest(text), sizeBytes: text.length, mediaType: 'text/plain', owner, atMs, parts: [] });

  test('naming a digest grants nothing: neither a job nor a result makes another owner’s bytes readable', async () => {
    await add('secret', 'bob');
    const theirs = await submit(submitRow({}, { owner: 'bob' }));
    await store.writer.write([settled(theirs, 0, 1, { outputs: { c: inline('theirs') } })]);
    const job = await submit(submitRow({ variants: [{ type: 'WASM', spec: { module: digest('secret') }, requires: [] }] }));
    const claim = (blob: BlobRef): BlobRef => ({ digest: blob.digest, sizeBytes: blob.sizeBytes });
    await store.writer.write([settled(job, 0, 1, { outputs: { a: { digest: digest('secret'), sizeBytes: 6 }, b: claim(inline('theirs')) } })]);
    for (const wanted of [digest('secret'), inline('theirs').digest]) {
      expect(await store.artifacts.find({ owner: 'ada', digest: wanted })).toBeNull();
      expect(await store.artifacts.find({ owner: 'ada', job, digest: wanted })).toBeNull();
      expect(await store.artifacts.find({ owner: 'bob', digest: wanted })).not.toBeNull();
    }
    expect(await store.artifacts.findMissing('ada', [digest('secret'), inline('theirs').digest], 1)).toHaveLength(2);
  });

  test('bytes that are not what their digest says are not kept', async () => {
    const job = await submit();
    await store.writer.write([settled(job, 0, 1, { outputs: { c: { ...inline('good'), inline: inline('evil').inline ?? '' } } })]);
    expect(await store.artifacts.find({ owner: 'ada', digest: inline('good').digest })).toBeNull();
  });

  test('an attempt reads what its job names and what upstream made, not what a sibling made', async () => {
    await add('module');
    await add('unrelated');
    const first = await submit(submitRow({ count: 2, variants: [{ type: 'WASM', spec: { module: digest('module') }, requires: [] }] }));
    await store.writer.write([settled(first, 0, 1, { outputs: { c: inline('made') } })]);
    const second = await submit(submitRow({ after: [first] }));
    const reads = async (job: JobId, wanted: Digest) => (await store.artifacts.find({ owner: 'ada', job, digest: wanted })) !== null;
    expect(await reads(first, digest('module'))).toBe(true);
    expect(await reads(first, inline('made').digest)).toBe(false);
    expect(await reads(second, inline('made').digest)).toBe(true);
    expect(await reads(second, digest('unrelated'))).toBe(false);
  });

  test('usage counts each owner’s bytes once, and what nobody needs goes after its grace', async () => {
    await add('module');
    await add('module');
    await add('module', 'bob');
    await add('old');
    await submit(submitRow({ variants: [{ type: 'WASM', spec: { module: digest('module') }, requires: [] }] }));
    expect([store.artifacts.usedBytes('ada'), store.artifacts.usedBytes('bob')]).toEqual([9, 6]);
    expect(await store.artifacts.dropUnneeded(1, 10)).toBe(2);
    expect([store.artifacts.usedBytes('ada'), store.artifacts.usedBytes('bob')]).toEqual([6, 0]);
    expect(await store.artifacts.unheld(10)).toEqual([digest('old')]);
    expect(await store.artifacts.forget(digest('old'))).toBe(true);
    expect(await store.artifacts.forget(digest('module'))).toBe(false);
    await store.close();
    store = await open();
    expect(store.artifacts.usedBytes('ada')).toBe(6);
  });
});

test('ended jobs go after their time with their keys and bytes; what an open job needs stays', async () => {
  const old = await submit(submitRow({}, { key: 'k' }));
  const needed = await submit();
  const shared = inline('shared');
  for (const job of [old, needed]) {
    const outputs = job === old ? { a: shared, b: inline('only here') } : { a: shared };
    await store.writer.write([settled(job, 0, 1, { outputs }), counted(job, 1, { succeeded: 1, endedAtMs: 5 })]);
  }
  await submit(submitRow({ after: [needed] }));
  expect(await sweepEnded(store.writer, 1_000, 100)).toBe(1);
  expect(await sweepEnded(store.writer, 1_000, 100)).toBe(0);
  expect(await store.reader.getJobs({ owner: 'ada', ids: [old, needed] })).toMatchObject([{ id: needed }]);
  expect(await store.reader.findMissing({ owner: 'ada', digests: [shared.digest, inline('only here').digest] })).toEqual([inline('only here').digest]);
  expect((await store.writer.submit([submitRow({}, { key: 'k', hash: 'other' })]))[0]).toMatchObject({ ok: true, existing: false });
});
