// The writing side against a real database file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@libsql/client';
import type { JobId } from '@udcs/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assertDurable } from './connection.ts';
import { attemptOf, counted, nextId, settled, submitRow, WORKER } from './fixture.ts';
import { openWriter } from './open-store.ts';
import type { WriterQueue } from './writer-queue.ts';

let dataDir: string;
let writer: WriterQueue;
const fatal: Error[] = [];
const open = () => openWriter({ dataDir, onFatal: (error) => fatal.push(error) });

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'udcs-store-'));
  writer = await open();
});
afterEach(async () => {
  await writer.close();
  rmSync(dataDir, { recursive: true, force: true });
  expect(fatal.splice(0)).toEqual([]);
});

const accept = async (row = submitRow()): Promise<JobId> => {
  const [outcome] = await writer.submit([row]);
  expect(outcome).toMatchObject({ ok: true, existing: false });
  return row.job.id;
};
const snapshot = async (job: JobId) => (await writer.reload([job]))[0];

describe('boot', () => {
  test('raises the epoch at every start and keeps it', async () => {
    expect((await writer.boot()).epoch).toBe(1);
    await writer.close();
    writer = await open();
    expect((await writer.boot()).epoch).toBe(2);
  });

  test('returns open jobs with what has settled, what was tried and what was open', async () => {
    await writer.boot();
    const job = await accept(submitRow({ count: 10, isArray: true }));
    const facts = [0, 1, 2, 5, 9].map((index, at) => settled(job, index, at + 1));
    const host = nextId('hst');
    await writer.write([
      ...facts,
      counted(job, 5, { total: 10, succeeded: 5 }),
      { type: 'attempt.opened', ref: attemptOf(job, '3'), worker: WORKER, host, assignedAtMs: 7 },
      { type: 'attempt.opened', ref: attemptOf(job, '4'), worker: WORKER, host, assignedAtMs: 8 },
      { type: 'attempt.opened', ref: attemptOf(job, '5'), worker: WORKER, host, assignedAtMs: 9 },
      { type: 'attempt.ended', job, seq: 6, record: attemptOf(job, '4', { state: 'failed' }) },
    ]);
    await writer.close();
    writer = await open();
    const { jobs } = await writer.boot();
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject({
      seq: 6,
      succeeded: 5,
      settled: [
        [0, 2],
        [5, 5],
        [9, 9],
      ],
      tried: [{ key: '4', attempts: 1, failures: 1, lost: 0, hosts: [host] }],
      open: [{ ref: { task: `${job}.3`, epoch: 1, attempt: 1 }, worker: WORKER, host, assignedAtMs: 7 }],
    });
  });

  test('leaves out jobs that ended and tells how the upstream of an open one ended', async () => {
    await writer.boot();
    const first = await accept();
    await writer.write([settled(first, 0, 1), counted(first, 1, { succeeded: 1, endedAtMs: 5 })]);
    const [outcome] = await writer.submit([submitRow({ after: [first] })]);
    expect(outcome).toMatchObject({ ok: true, job: { upstreamEnded: { [first]: 'succeeded' } } });
    const boot = await writer.boot();
    expect(boot.jobs.map((one) => one.job.upstreamEnded)).toEqual([{ [first]: 'succeeded' }]);
    expect(boot.ended).toEqual({ [first]: 'succeeded' });
  });
});

describe('submit', () => {
  test('answers a known idempotency key with the earlier job, and another payload with CONFLICT', async () => {
    const first = submitRow({ count: 7 }, { key: 'k', hash: 'a' });
    await accept(first);
    const outcomes = await writer.submit([
      submitRow({ count: 7 }, { key: 'k', hash: 'a' }),
      submitRow({}, { key: 'k', hash: 'b' }),
      submitRow({}, { key: 'k', hash: 'a', owner: 'bob' }),
    ]);
    expect(outcomes).toMatchObject([
      { ok: true, existing: true, id: first.job.id, total: 7 },
      { ok: false, error: { code: 'CONFLICT' } },
      { ok: true, existing: false },
    ]);
  });

  test('takes the same key twice in one group as one job', async () => {
    const rows = [submitRow({}, { key: 'k' }), submitRow({}, { key: 'k' })];
    const [one, two] = await Promise.all([writer.submit(rows.slice(0, 1)), writer.submit(rows.slice(1))]);
    expect([one?.[0], two?.[0]]).toMatchObject([{ existing: false }, { existing: true, id: rows[0]?.job.id }]);
  });

  test('names the unknown upstream job, and another owner’s job is unknown', async () => {
    const foreign = await accept(submitRow({}, { owner: 'bob' }));
    const outcomes = await writer.submit([submitRow({ after: [foreign] }), submitRow()]);
    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'NOT_FOUND', message: expect.stringContaining(foreign) } }, { ok: true }]);
  });

  test('an upstream whose end is still being written counts as ended', async () => {
    const first = await accept();
    const submitting = writer.submit([submitRow({ after: [first] })]);
    await Promise.resolve();
    await Promise.resolve();
    const writing = writer.write([settled(first, 0, 1), counted(first, 1, { succeeded: 1, endedAtMs: 5 })]);
    expect((await submitting)[0]).toMatchObject({ ok: true, job: { upstreamEnded: { [first]: 'succeeded' } } });
    expect(await writing).toEqual([]);
  });
});

describe('guards', () => {
  test('a task settles once; the second report and its counters are refused and the job is as it was', async () => {
    const job = await accept(submitRow({ count: 2 }));
    expect(await writer.write([settled(job, 0, 1), counted(job, 1, { succeeded: 1 })])).toEqual([]);
    const late = [settled(job, 0, 2, { state: 'failed' }), counted(job, 2, { succeeded: 1, failed: 1, endedAtMs: 9 })];
    expect(await writer.write(late)).toEqual(late);
    expect(await snapshot(job)).toMatchObject({ succeeded: 1, failed: 0, settled: [[0, 0]] });
  });

  test('after the cancel mark results are refused and cancellations written', async () => {
    const job = await accept(submitRow({ count: 2 }));
    expect(await writer.cancel(job, 5)).toEqual({ canceled: true });
    const late = settled(job, 0, 1);
    expect(await writer.write([late])).toEqual([late]);
    const canceled = [0, 1].map((index) => settled(job, index, index + 2, { state: 'canceled', by: null }));
    expect(await writer.write([...canceled, counted(job, 3, { total: 2, canceled: 2, endedAtMs: 9 })])).toEqual([]);
    expect(await writer.cancel(job, 6)).toEqual({ canceled: false });
  });

  test('a fact for an unknown job is refused, its neighbours are written', async () => {
    const job = await accept();
    const stray = settled(nextId('job') as JobId, 0, 1);
    const good = settled(job, 0, 1);
    expect(await writer.write([stray, good, counted(job, 1, { succeeded: 1 })])).toEqual([stray]);
    expect(await snapshot(job)).toMatchObject({ succeeded: 1 });
  });

  test('a plan step that rests on a refused settlement is refused with its pieces', async () => {
    const job = await accept(submitRow({ count: 0 }));
    const step = (seq: number, key: string, index: number) =>
      ({
        type: 'plan.stepped',
        job,
        seq,
        state: { version: 1, seq },
        done: false,
        wakeAtMs: null,
        added: [{ key, index, spec: { a: 1 }, entry: null }],
      }) as const;
    expect(await writer.write([step(1, 'probe', 0)])).toEqual([]);
    expect(await writer.write([settled(job, 0, 2, { key: 'probe' }), step(2, 'cut', 1), counted(job, 2, { succeeded: 1, total: 2 })])).toEqual([]);
    const refused = await writer.write([settled(job, 0, 3, { key: 'probe' }), step(3, 'never', 2)]);
    expect(refused.map((fact) => fact.type)).toEqual(['task.settled', 'plan.stepped']);
    expect((await snapshot(job))?.plan).toMatchObject({ state: { seq: 2 }, done: false, pieces: [{ key: 'probe' }, { key: 'cut', index: 1 }] });
  });

  test('the database itself refuses to change the state of a task that has ended', async () => {
    const job = await accept();
    await writer.write([settled(job, 0, 1)]);
    await expect(writer.change([{ sql: "update task set state = 'failed' where job = ?", args: [job] }])).rejects.toThrow(/can not change its state/);
    expect(await snapshot(job)).toMatchObject({ succeeded: 1 });
  });

  test('one statement that can never be written does not take its group down', async () => {
    const bad = writer.change([{ sql: 'insert into setting (name, value) values (null, null)', args: [] }]);
    const good = writer.submit([submitRow()]);
    await expect(bad).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect((await good)[0]).toMatchObject({ ok: true });
  });
});

test('refuses to run without synchronous=FULL', async () => {
  const client = createClient({ url: `file:${join(dataDir, 'weak.db')}`, concurrency: 1 });
  await client.execute('pragma journal_mode = wal');
  await client.execute('pragma synchronous = normal');
  await expect(assertDurable(client)).rejects.toThrow(/synchronous=FULL \(2\) but reports 1/);
  client.close();
});

test('refuses a database from a newer program and says so', async () => {
  await writer.change([{ sql: "insert into schema_version values (999, 'future', 0)", args: [] }]);
  await writer.close();
  await expect(open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('start a newer version of udcs') });
  const client = createClient({ url: `file:${join(dataDir, 'udcs.db')}` });
  await client.execute('delete from schema_version where version = 999');
  client.close();
  writer = await open();
});
