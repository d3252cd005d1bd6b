// The queue over a committer whose disk can be made full, slow or broken.
import type { JobId } from '@udcs/protocol';
import { describe, expect, test } from 'vitest';
import type { Fact } from '../core/seam.ts';
import { CommitError, type CommitGroup, type CommitResult, type Committer } from './committer.ts';
import { counted, nextId, settled, submitRow } from './fixture.ts';
import { WriterQueue, type WriterQueueOptions } from './writer-queue.ts';

class FakeDisk implements Committer {
  readonly groups: CommitGroup[] = [];
  /** Thrown instead of committing, while set. */
  failure: (group: CommitGroup) => CommitError | null = () => null;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  /** Commits wait until `release`. */
  block(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#open();
  }

  async commit(group: CommitGroup): Promise<CommitResult> {
    await this.#gate;
    const failure = this.failure(group);
    if (failure !== null) throw failure;
    this.groups.push(group);
    return {
      changes: group.changes.map(() => []),
      refused: [],
      submits: group.submits.map(({ job }) => ({ ok: true, existing: false, job: { ...job, upstreamEnded: {} } })),
      canceled: group.cancels.map(() => true),
    };
  }

  boot = () => Promise.resolve({ epoch: 1, jobs: [], ended: {} });
  reload = () => Promise.resolve([]);
  close = () => Promise.resolve();
}

function setUp(options: Partial<WriterQueueOptions> = {}) {
  const disk = new FakeDisk();
  const fatal: Error[] = [];
  const waits: { readonly ms: number; readonly go: () => void }[] = [];
  const wait = (ms: number): Promise<void> => new Promise((go) => waits.push({ ms, go }));
  const queue = new WriterQueue(disk, { wait, onFatal: (error) => fatal.push(error), ...options });
  return { disk, queue, fatal, waits };
}

const full = () => new CommitError('full', 'database or disk is full');
const job = () => nextId('job') as JobId;
const turns = async (): Promise<void> => {
  for (let at = 0; at < 20; at++) await Promise.resolve();
};

describe('grouping', () => {
  test('whatever arrives during a commit forms the next group, in one commit', async () => {
    const { disk, queue } = setUp();
    disk.block();
    const all: Promise<unknown>[] = [queue.write([settled(job(), 0, 1)])];
    await turns();
    for (let at = 0; at < 50; at++) all.push(queue.submit([submitRow()]), queue.write([settled(job(), 0, 1)]));
    disk.release();
    await Promise.all(all);
    expect(disk.groups.map((group) => [group.facts.length, group.submits.length])).toEqual([
      [1, 0],
      [50, 50],
    ]);
    expect(queue.backlog).toEqual({ rows: 0, bytes: 0 });
  });

  test('results go before new work when a group can not hold both', async () => {
    const { disk, queue } = setUp({ maxGroupRows: 4 });
    const all = [queue.submit([submitRow(), submitRow(), submitRow()]), queue.write([1, 2, 3, 4].map((seq) => settled(job(), 0, seq)))];
    await Promise.all(all);
    expect(disk.groups.map((group) => [group.facts.length, group.submits.length])).toEqual([
      [4, 0],
      [0, 3],
    ]);
  });

  test('facts keep their order across groups', async () => {
    const { disk, queue } = setUp({ maxGroupRows: 7 });
    const one = job();
    const facts = Array.from({ length: 60 }, (_, at) => settled(one, at, at + 1));
    await Promise.all(facts.map((fact) => queue.write([fact])));
    expect(disk.groups.flatMap((group) => group.facts)).toEqual(facts);
  });
});

describe('a full disk', () => {
  test('keeps facts and retries them with back-off; submits are told to come back; service resumes by itself', async () => {
    const { disk, queue, waits } = setUp();
    disk.failure = full;
    const facts = [settled(job(), 0, 1)];
    const writing = queue.write(facts);
    await expect(queue.submit([submitRow()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', hint: expect.stringContaining('disk space') });
    await turns();
    const seen: number[] = [];
    for (let at = 0; at < 8; at++) {
      const waiting = waits.shift();
      seen.push(waiting?.ms ?? 0);
      expect(queue.isFull).toBe(true);
      await expect(queue.submit([submitRow()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      waiting?.go();
      await turns();
    }
    expect(seen).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    disk.failure = () => null;
    waits.shift()?.go();
    expect(await writing).toEqual([]);
    expect(disk.groups.flatMap((group) => group.facts)).toEqual(facts);
    expect((await queue.submit([submitRow()]))[0]).toMatchObject({ ok: true });
  });

  test('with nothing but submits waiting, the next one finds out that there is space again', async () => {
    const { disk, queue } = setUp();
    disk.failure = full;
    await expect(queue.submit([submitRow()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    disk.failure = () => null;
    expect((await queue.submit([submitRow()]))[0]).toMatchObject({ ok: true });
  });
});

describe('bounds and faults', () => {
  test('past the bound submits are turned away and facts still taken', async () => {
    const { disk, queue } = setUp({ maxBacklogRows: 3 });
    disk.block();
    const writing = queue.write([1, 2, 3].map((seq) => settled(job(), 0, seq)));
    expect(queue.isOverBound).toBe(true);
    await expect(queue.submit([submitRow()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const more = queue.write([settled(job(), 0, 4)]);
    disk.release();
    expect([await writing, await more]).toEqual([[], []]);
    expect((await queue.submit([submitRow()]))[0]).toMatchObject({ ok: true });
  });

  test('one fact that can never be written is refused alone, found by halving', async () => {
    const { disk, queue } = setUp();
    const bad = settled(job(), 0, 13);
    disk.failure = (group) => (group.facts.includes(bad) ? new CommitError('illegal', 'constraint') : null);
    const facts: Fact[] = Array.from({ length: 40 }, (_, at) => (at === 20 ? bad : settled(job(), at, 1)));
    expect(await queue.write(facts)).toEqual([bad]);
    expect(disk.groups.flatMap((group) => group.facts)).toEqual(facts.filter((fact) => fact !== bad));
    expect(queue.backlog).toEqual({ rows: 0, bytes: 0 });
  });

  test('one submit that can never be written does not sink the others', async () => {
    const { disk, queue } = setUp();
    const rows = [submitRow(), submitRow(), submitRow()];
    disk.failure = (group) => (group.submits.includes(rows[1] as (typeof rows)[0]) ? new CommitError('illegal', 'too big') : null);
    expect(await queue.submit(rows)).toMatchObject([{ ok: true }, { ok: false, error: { code: 'INVALID_INPUT' } }, { ok: true }]);
  });

  test('when what is on disk is unknown, everybody is told and the process is asked to end, once', async () => {
    const { disk, queue, fatal } = setUp();
    disk.failure = () => new CommitError('fatal', 'fsync failed');
    const results = await Promise.allSettled([queue.write([counted(job(), 1)]), queue.submit([submitRow()]), queue.write([counted(job(), 1)])]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(queue.write([counted(job(), 1)])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(fatal.map((error) => error.message)).toEqual(['fsync failed']);
  });

  test('closing writes what is left and takes nothing new', async () => {
    const { disk, queue } = setUp();
    disk.block();
    const writing = queue.write([settled(job(), 0, 1)]);
    const closing = queue.close();
    await expect(queue.submit([submitRow()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    disk.release();
    await closing;
    expect(await writing).toEqual([]);
  });
});
