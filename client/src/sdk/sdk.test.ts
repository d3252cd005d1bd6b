// The SDK against a scripted coordinator: what a program sees when connections break, answers get lost and jobs end badly.
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCoordinator, TOKEN } from '../../tests/fake-coordinator.ts';
import { connect, type Grid, UdcsError } from './index.ts';

const job = { type: 'MOCK', spec: {} } as const;
let fake: FakeCoordinator;
let grid: Grid;

beforeEach(async () => {
  fake = await new FakeCoordinator().start();
  grid = connect({ url: fake.url, token: TOKEN, connectMs: 0, retryMs: 5_000 });
});
afterEach(async () => {
  await grid.close();
  await fake.stop();
});

/** Runs `act` once the coordinator has seen `count` calls of a procedure. */
async function after(procedure: Parameters<FakeCoordinator['count']>[0], count: number, act: () => void): Promise<void> {
  while (fake.count(procedure) < count) await new Promise((resolve) => setTimeout(resolve, 5));
  act();
}

describe('submit', () => {
  it('sends the jobs of one tick together', async () => {
    const handles = grid.submitMany([job, job, job]);
    const ids = await Promise.all(handles.map((handle) => handle.id));
    expect(new Set(ids).size).toBe(3);
    expect(fake.count('jobs.submitMany')).toBe(1);
    expect(fake.count('jobs.submit')).toBe(0);
  });

  it('makes one job although the answer was lost and the request repeated', async () => {
    let cuts = 0;
    fake.beforeAnswer = (procedure) => {
      if (procedure === 'jobs.submit' && cuts++ < 2) fake.cut();
    };
    const id = await grid.submit(job).id;
    expect(fake.count('jobs.submit')).toBe(3);
    expect([...fake.jobs.keys()]).toEqual([id]);
  });

  it('refuses a job larger than the limit here, and sends the others of its tick', async () => {
    const [large, good] = grid.submitMany([{ ...job, name: 'x'.repeat(2_000_000) }, job]);
    await expect(large?.id).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await expect(good?.id).resolves.toMatch(/^job_/);
    expect(fake.jobs.size).toBe(1);
  });

  it('lets a refused job fail alone', async () => {
    await fake.stop();
    fake = await new FakeCoordinator({
      'jobs.submitMany': () => ({
        results: [
          { error: { code: 'INVALID_INPUT', message: 'spec is missing', hint: 'add it' } },
          { id: fake.add(job), existing: false, counts: { total: 1 } },
        ],
      }),
    }).start();
    grid = connect({ url: fake.url, token: TOKEN });
    const [bad, good] = grid.submitMany([job, job]);
    await expect(bad?.id).rejects.toMatchObject({ code: 'INVALID_INPUT', hint: 'add it' });
    await expect(good?.id).resolves.toMatch(/^job_/);
  });
});

describe('a job handle', () => {
  it('resolves when all tasks succeeded', async () => {
    const handle = grid.submit(job);
    const done = Promise.resolve(handle);
    await after('jobs.ended', 1, () => undefined);
    fake.settle(await handle.id, [0], 'succeeded', { value: 42 });
    const result = await done;
    expect(result.job.state).toBe('succeeded');
    expect(await result.value()).toBe(42);
  });

  it('rejects with the first failed task when one failed', async () => {
    const handle = grid.submit({ ...job, array: { count: 2 } });
    fake.settle(await handle.id, [0]);
    fake.settle(await handle.id, [1], 'failed');
    await expect(handle).rejects.toMatchObject({ name: 'UdcsError', code: 'EXIT_CODE', message: '1 of 2 tasks failed; task 1: exit code 3' });
  });

  it('yields each task once although connections break in between', async () => {
    const count = 60;
    const handle = grid.submit({ ...job, array: { count } });
    const id = await handle.id;
    const seen: number[] = [];
    fake.settle(id, [0, 1, 2]);
    for await (const task of handle) {
      seen.push(task.index);
      if (seen.length % 7 === 0) fake.cut();
      const next = seen.length + 2;
      if (next < count) fake.settle(id, [next]);
    }
    expect(seen).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(fake.count('jobs.events')).toBeGreaterThan(5);
  });

  it('stops waiting when its signal is aborted, and cancels only when asked', async () => {
    const stop = new AbortController();
    const handle = grid.submit(job, { signal: stop.signal });
    const waiting = expect(handle).rejects.toThrow('enough');
    await handle.id;
    stop.abort(new Error('enough'));
    await waiting;
    expect(fake.count('jobs.cancel')).toBe(0);
    await expect(handle.wait({ signal: stop.signal, cancelOnAbort: true })).rejects.toThrow('enough');
    expect(fake.count('jobs.cancel')).toBe(1);
  });

  it('rejects with the explanation when no worker can run it and that was asked for', async () => {
    const explain = { job: 'x', waiting: 1, verdict: 'unmatched', summary: 'no worker offers WASM', workers: [], workersNotShown: 0, tally: [], nearest: null };
    await fake.stop();
    fake = await new FakeCoordinator({ 'jobs.explain': () => explain }).start();
    grid = connect({ url: fake.url, token: TOKEN });
    await expect(grid.submit(job, { unmatchedAfterMs: 100 })).rejects.toMatchObject({ code: 'UNMATCHED', message: 'no worker offers WASM', explain });
  });
});

describe('the connection', () => {
  it('says at once that nobody answers', async () => {
    const nobody = connect({ url: 'http://127.0.0.1:9', connectMs: 0 });
    await expect(nobody.call('auth.whoami', {})).rejects.toMatchObject({ code: 'UNREACHABLE', hint: expect.stringContaining('udcs up') });
  });

  it('says that a token is not known', async () => {
    const stranger = connect({ url: fake.url, token: 'not-the-token', connectMs: 0 });
    await expect(stranger.call('auth.whoami', {})).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await stranger.close();
  });

  it('works over HTTP and server-sent events where no socket can be opened', async () => {
    fake.refuseSockets = true;
    const handle = grid.submit(job);
    const id = await handle.id;
    const results = handle.results();
    const first = results.next();
    await after('jobs.events', 1, () => fake.settle(id, [0]));
    expect((await first).value).toMatchObject({ index: 0 });
    expect((await results.next()).done).toBe(true);
  });

  it('goes on after a restart of the coordinator', async () => {
    await grid.ready();
    await fake.stop();
    const answer = grid.call('auth.whoami', {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    await fake.start();
    await expect(answer).resolves.toMatchObject({ owner: 'test' });
  });

  it('gives up when the coordinator stays away longer than retryMs', async () => {
    const impatient = connect({ url: fake.url, token: TOKEN, retryMs: 300 });
    await impatient.ready();
    await fake.stop();
    await expect(impatient.call('auth.whoami', {})).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await impatient.close();
  });
});

describe('artifacts', () => {
  it('come back as they went, whole and empty', async () => {
    for (const size of [0, 1, 3_000_000]) {
      const bytes = new Uint8Array(randomBytes(size));
      const { digest, sizeBytes, sent } = await grid.artifacts.put(bytes);
      expect({ sizeBytes, sent }).toEqual({ sizeBytes: size, sent: true });
      expect(Buffer.compare(await grid.artifacts.get(digest), bytes)).toBe(0);
    }
  });

  it('are not sent twice', async () => {
    await grid.artifacts.put('the same words');
    expect(await grid.artifacts.put('the same words')).toMatchObject({ sent: false });
    const many = await grid.artifacts.putMany(['the same words', 'other words', 'other words']);
    expect(many.map(({ sent }) => sent)).toEqual([false, true, true]);
    expect(fake.uploads).toEqual(['whole', 'whole']);
  });

  it('are uploaded on from where a connection broke', async () => {
    const bytes = new Uint8Array(randomBytes(8_000_000));
    fake.cutUploadAfterBytes = 2_000_000;
    const { digest } = await grid.artifacts.put(bytes);
    expect(Buffer.compare(fake.artifacts.get(digest) as Buffer, bytes)).toBe(0);
    expect(fake.uploads[1]).toMatch(/^bytes [1-9]\d*-7999999\/8000000$/);
  });

  it('are downloaded on from where a connection broke', async () => {
    const bytes = new Uint8Array(randomBytes(3_000_000));
    const { digest } = await grid.artifacts.put(bytes);
    fake.cutDownloadAfterBytes = 1_000_000;
    expect(Buffer.compare(await grid.artifacts.get(digest), bytes)).toBe(0);
  });

  it('with changed bytes are refused', async () => {
    const { digest } = await grid.artifacts.put('honest');
    fake.artifacts.set(digest, Buffer.from('forged'));
    await expect(grid.artifacts.get(digest)).rejects.toBeInstanceOf(UdcsError);
    await expect(grid.artifacts.get(digest)).rejects.toMatchObject({ code: 'WRONG_DIGEST' });
  });

  it('name the file that can not be read', async () => {
    await expect(grid.artifacts.put({ path: '/no/such/file' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('/no/such/file'),
    });
  });
});
