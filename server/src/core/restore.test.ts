import type { AttemptRef, JobId, WorkerId } from '@udcs/protocol';
import { normalizeJob } from '@udcs/protocol';
import { describe, expect, it } from 'vitest';
import { Scene } from '../../tests/core/scene.ts';
import type { JobSnapshot } from './seam.ts';

const id = `job_${'1'.repeat(26)}` as JobId;
const holder = `wkr_${'9'.repeat(26)}` as WorkerId;
const refOf = (key: string, attempt = 1): AttemptRef => ({ task: `${id}.${key}`, epoch: 1, attempt });

function stored(scene: Scene, change: Partial<JobSnapshot> = {}, job: Partial<Parameters<typeof normalizeJob>[0]> = {}): JobSnapshot {
  const spec = normalizeJob({ type: 'MOCK', spec: {}, array: { count: 4 }, ...job });
  return {
    job: { id, owner: 'ann', spec, submittedAtMs: scene.wallMs - 60_000, upstreamEnded: {} },
    seq: 5,
    succeeded: 1,
    failed: 0,
    canceled: 0,
    repeated: 0,
    startedAtMs: null,
    canceledAtMs: null,
    settled: [[1, 1]],
    tried: [],
    open: [],
    plan: null,
    ...change,
  };
}

const open = (key: string): JobSnapshot['open'][number] => ({ ref: refOf(key), worker: holder, host: 'hst_9' as never, assignedAtMs: 1 });

describe('restoring', () => {
  it('runs what is not settled, once each, under the new epoch and a higher seq', () => {
    const scene = new Scene();
    scene.boot({ epoch: 2, jobs: [stored(scene)], ended: {} });
    const a = scene.worker({ slots: 4 });
    scene.place();
    expect(scene.keys(a)).toEqual(['0', '2', '3']);
    expect(scene.first(a).epoch).toBe(2);
    while (scene.keys(a).length > 0) scene.succeed(a);
    expect(scene.counts(id)).toMatchObject({ seq: 8, succeeded: 4, endedAtMs: expect.any(Number) });
  });

  it('waits one lease for the holder of a journalled attempt, then hands the task out', () => {
    const scene = new Scene();
    scene.boot({ epoch: 2, jobs: [stored(scene, { open: [open('0')] })], ended: {} });
    const a = scene.worker({ slots: 4 });
    scene.place();
    expect(scene.keys(a)).toEqual(['2', '3']);
    scene.wait(15_100);
    expect(scene.keys(a)).toContain('0');
    expect(scene.ofType('attempt.ended').map((fact) => fact.record)).toMatchObject([{ epoch: 1, state: 'lost', worker: holder }]);
  });

  it('lets the holder go on, and settles with its old attempt', () => {
    const scene = new Scene();
    scene.boot({ epoch: 2, jobs: [stored(scene, { open: [open('0')] })], ended: {} });
    scene.worker({ holding: [{ ref: refOf('0'), state: 'finished' }] }, holder);
    expect(scene.messages(holder, 'welcome')[0]?.message).toMatchObject({ adopted: [refOf('0')] });
    scene.held.set(holder, [{ ...refOf('0'), variant: 0, index: 0 }]);
    scene.succeed(holder, refOf('0'));
    scene.wait(16_000);
    expect(scene.settled(id)).toEqual(['0:succeeded']);
    expect(scene.ofType('attempt.ended')).toEqual([]);
  });

  it('adopts an attempt of an older start that was never journalled, while its task is untouched', () => {
    const scene = new Scene();
    scene.boot({ epoch: 2, jobs: [stored(scene)], ended: {} });
    scene.worker(
      {
        holding: [
          { ref: refOf('2'), state: 'running' },
          { ref: refOf('1'), state: 'finished' },
        ],
      },
      holder,
    );
    expect(scene.messages(holder, 'welcome')[0]?.message).toMatchObject({ adopted: [refOf('2')], dropped: [refOf('1')] });
  });

  it('drops an attempt of an older start when its task has a newer one, or has seen its end', () => {
    const scene = new Scene();
    scene.boot({ epoch: 2, jobs: [stored(scene, { tried: [{ key: '3', attempts: 1, failures: 1, lost: 0, hosts: [] }] })], ended: {} });
    scene.worker({ slots: 1 });
    scene.place();
    const task = [...scene.held.values()].flat()[0]?.index ?? 0;
    scene.worker(
      {
        holding: [
          { ref: refOf(String(task)), state: 'running' },
          { ref: refOf('3'), state: 'finished' },
        ],
      },
      holder,
    );
    expect(scene.messages(holder, 'welcome')[0]?.message).toMatchObject({ adopted: [], dropped: [refOf(String(task)), refOf('3')] });
  });

  it('goes on counting failures where it stopped', () => {
    const scene = new Scene();
    scene.boot({ epoch: 2, jobs: [stored(scene, { tried: [{ key: '0', attempts: 3, failures: 3, lost: 0, hosts: [] }] })], ended: {} });
    const a = scene.worker({ slots: 4 });
    scene.place();
    const ref = scene.holds(a).find((held) => held.task.endsWith('.0'));
    expect(ref?.attempt).toBe(4);
    scene.fail(a, 'EXIT_CODE', ref);
    expect(scene.settled(id)).toEqual(['0:failed:EXIT_CODE']);
  });

  it('honours the cancel mark, the deadline by the wall clock and the dependencies', () => {
    const scene = new Scene();
    scene.boot({ epoch: 2, jobs: [stored(scene, { canceledAtMs: 5 })], ended: {} });
    expect(scene.counts(id)).toMatchObject({ canceled: 3, endedAtMs: expect.any(Number) });
    const late = new Scene();
    late.boot({ epoch: 2, jobs: [stored(late, {}, { timeouts: { totalMs: 61_000 } })], ended: {} });
    late.wait(1_100);
    expect(late.counts(id)).toMatchObject({ canceled: 3, error: { code: 'DEADLINE' } });
    const upstream = `job_${'2'.repeat(26)}` as JobId;
    const orphan = new Scene();
    orphan.boot({ epoch: 2, jobs: [stored(orphan, { succeeded: 0, settled: [] }, { after: [upstream] })], ended: { [upstream]: 'failed' } });
    expect(orphan.counts(id)).toMatchObject({ canceled: 4, error: { code: 'DEPENDENCY' } });
  });

  it('takes the word of the store when it refused a fact', () => {
    const scene = new Scene();
    const job = scene.job({ type: 'MOCK', spec: {}, array: { count: 2 } });
    const a = scene.worker({ slots: 2 });
    scene.place();
    scene.succeed(a);
    const record = scene.fleet.jobs.get(job)?.record;
    if (record === undefined) throw new Error('the job is gone');
    scene.apply({ type: 'jobs.reloaded', jobs: [{ ...stored(scene), job: record, seq: 9, succeeded: 0, settled: [] }], gone: [] });
    expect(scene.messages(a, 'cancel')[0]?.message).toMatchObject({ reason: 'stale' });
    scene.held.set(a, []);
    scene.wait(5_000);
    expect(scene.keys(a).sort()).toEqual(['0', '1']);
    scene.apply({ type: 'jobs.reloaded', jobs: [], gone: [job] });
    expect(scene.fleet.jobs.size).toBe(0);
  });

  it('fails a stored job that its task type can no longer read, and starts all the same', () => {
    const scene = new Scene(() => ({
      alternatives: () => {
        throw new Error('no such field');
      },
      isolation: null,
    }));
    const tried = [{ key: '2', attempts: 1, failures: 1, lost: 0, hosts: [] }];
    scene.boot({ epoch: 2, jobs: [stored(scene, { tried, open: [open('3')] })], ended: {} });
    expect(scene.counts(id)).toMatchObject({ total: 4, succeeded: 1, failed: 1, canceled: 2, error: { code: 'INTERNAL' }, endedAtMs: expect.any(Number) });
    expect(scene.settled(id)).toEqual(['0:failed:INTERNAL', '2:canceled:INTERNAL']);
  });
});
