// Waiting for many jobs at once against a scripted coordinator: one subscription, and no end is missed whatever breaks.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCoordinator, TOKEN } from '../../tests/fake-coordinator.ts';
import { connect, type Grid } from './index.ts';

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

/** Jobs end while it waits for them, in another order than they were submitted. */
async function endAll(handles: readonly { id: Promise<string> }[], between: (at: number) => void = () => undefined): Promise<void> {
  const ids = await Promise.all(handles.map((handle) => handle.id));
  for (const [at, id] of ids.reverse().entries()) {
    fake.settle(id, [0]);
    between(at);
  }
}

describe('waiting for many jobs', () => {
  it('needs one subscription and asks for nothing by id', async () => {
    await grid.ready();
    const handles = grid.submitMany(Array.from({ length: 200 }, () => job));
    const done = Promise.all(handles);
    await endAll(handles);
    expect((await done).every((result) => result.job.state === 'succeeded')).toBe(true);
    expect(fake.count('jobs.ended')).toBe(1);
    expect(fake.count('jobs.getMany')).toBeLessThanOrEqual(1);
    expect(fake.count('jobs.events')).toBe(0);
  });

  it('misses none although connections break in between', async () => {
    const handles = grid.submitMany(Array.from({ length: 60 }, () => job));
    const done = Promise.all(handles);
    await endAll(handles, (at) => {
      if (at % 20 === 0) fake.cut();
    });
    expect((await done).length).toBe(60);
  });

  it('finds a job that had ended before it was awaited, by handle, by id and by its idempotency key', async () => {
    const keyed = { ...job, idempotencyKey: 'once' };
    const handle = grid.submit(keyed);
    const id = await handle.id;
    fake.settle(id, [0]);
    expect((await grid.submit(keyed)).job.id).toBe(id);
    expect((await grid.job(id)).job.id).toBe(id);
    expect((await handle).job.id).toBe(id);
  });

  it('finds a job that ended while the answer to its submit was lost', async () => {
    let lost = 0;
    fake.beforeAnswer = (procedure) => {
      if (procedure !== 'jobs.submit' || lost++ > 0) return;
      for (const known of fake.jobs.keys()) fake.settle(known, [0]);
      fake.cut();
    };
    expect((await grid.submit(job)).job.state).toBe('succeeded');
  });

  it('says that a job does not exist', async () => {
    await expect(grid.job('job_00000000000000000000000000')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('goes on over HTTP and server-sent events', async () => {
    fake.refuseSockets = true;
    const handles = grid.submitMany([job, job, job]);
    const done = Promise.all(handles);
    await endAll(handles);
    expect((await done).length).toBe(3);
  });

  it('ends with the connection', async () => {
    const waiting = grid.submit(job).wait();
    const refused = expect(waiting).rejects.toMatchObject({ code: 'CANCELED' });
    while (fake.count('jobs.ended') === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await grid.close();
    await refused;
  });
});
