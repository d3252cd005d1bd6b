import type { AttemptRef } from '@udcs/protocol';
import { describe, expect, it } from 'vitest';
import { Scene } from '../../tests/core/scene.ts';

const attempts = (scene: Scene) => scene.ofType('attempt.ended').map((fact) => fact.record.state);

describe('leases', () => {
  it('loses the attempts of a closed worker after the grace, and hands them out again', () => {
    const scene = new Scene();
    const [a, b] = [scene.worker(), scene.worker()];
    scene.job();
    scene.place();
    scene.start(a);
    scene.close(a);
    scene.wait(1_900, [b]);
    expect(scene.keys(b)).toEqual([]);
    scene.wait(200, [b]);
    expect(scene.keys(b)).toEqual(['0']);
    expect(attempts(scene)).toEqual(['lost']);
    expect(scene.ofType('worker.gone').map((fact) => [fact.worker, fact.attemptsLost])).toEqual([[a, 1]]);
  });

  it('keeps the attempts of a worker that comes back within the grace', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.job();
    scene.place();
    scene.close(a);
    scene.wait(1_000, []);
    const ref = scene.first(a);
    scene.worker({ holding: [{ ref, state: 'running' }] }, a);
    expect(scene.messages(a, 'welcome').at(-1)?.message).toMatchObject({ adopted: [ref], dropped: [] });
    scene.wait(30_000);
    scene.succeed(a, ref);
    expect(attempts(scene)).toEqual([]);
    expect(scene.ofType('task.settled').length).toBe(1);
  });

  it('does not lose a silent worker before its lease ends, and not later than that', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.job();
    scene.place();
    scene.wait(10_100, []);
    expect(scene.fleet.workers.get(a)?.state).toBe('suspect');
    expect(attempts(scene)).toEqual([]);
    scene.wait(5_000, []);
    expect(attempts(scene)).toEqual(['lost']);
    expect(scene.ofType('worker.gone')).toEqual([]);
    scene.wait(600_000, []);
    expect(scene.ofType('worker.gone').length).toBe(1);
  });

  it('gives work again to a worker that slept longer than its lease', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.job();
    scene.place();
    scene.wait(60_000, []);
    scene.renew(a);
    expect(scene.messages(a, 'cancel')[0]?.message).toMatchObject({ reason: 'stale' });
    scene.held.set(a, []);
    expect(scene.place().keys(a)).toEqual(['0']);
    scene.wait(15_100, []);
    expect(attempts(scene)).toEqual(['lost', 'lost']);
  });

  it('gives no new work to a suspect worker and trusts it again when it is heard', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.wait(11_000, []);
    scene.job();
    expect(scene.place().keys(a)).toEqual([]);
    scene.renew(a);
    expect(scene.place().keys(a)).toEqual(['0']);
  });

  it('takes an attempt away that its worker renews without for a whole lease', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.job();
    scene.place();
    scene.drop(a, scene.first(a));
    scene.wait(21_000);
    expect(attempts(scene)).toEqual(['lost']);
    expect(scene.messages(a, 'cancel')[0]?.message).toMatchObject({ reason: 'lease' });
    expect(scene.keys(a)).toEqual(['0']);
  });

  it('takes back at once what a leaving worker hands back, and counts it nowhere', () => {
    const scene = new Scene();
    const [a, b] = [scene.worker(), scene.worker()];
    const job = scene.job();
    scene.place();
    scene.start(a);
    scene.apply({ type: 'worker.intent', worker: a, intent: 'leave' });
    scene.place();
    expect(scene.keys(b)).toEqual(['0']);
    scene.succeed(b);
    expect(scene.counts(job)).toMatchObject({ succeeded: 1, repeated: 0 });
    expect(attempts(scene)).toEqual(['superseded']);
  });

  it('lets a draining worker finish and gives it nothing new until it resumes', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.job();
    scene.place();
    scene.apply({ type: 'worker.intent', worker: a, intent: 'drain' });
    scene.job();
    scene.place();
    scene.wait(12_000);
    scene.succeed(a);
    expect(scene.place().keys(a)).toEqual([]);
    scene.apply({ type: 'worker.intent', worker: a, intent: 'resume' });
    expect(scene.place().keys(a)).toEqual(['0']);
  });

  it('drops, counts and answers reports that are foreign, late or unknown', () => {
    const scene = new Scene();
    const [a, b] = [scene.worker(), scene.worker()];
    const job = scene.job();
    scene.place();
    const ref = scene.first(a);
    scene.succeed(b, ref);
    expect(scene.fleet.counters.dropped.foreign).toBe(1);
    expect(scene.settled(job)).toEqual([]);
    scene.succeed(a, ref);
    scene.succeed(a, ref);
    scene.succeed(a, { ...ref, attempt: 9 } as AttemptRef);
    expect(scene.settled(job)).toEqual(['0:succeeded']);
    expect(scene.fleet.counters.dropped.unknownAttempt).toBe(2);
    expect(scene.messages(a, 'ack').every((send) => send.after === 'commit')).toBe(true);
    expect(scene.messages(a, 'ack').length).toBe(3);
  });

  it('tells a worker to forget attempts it renews that are not its own any more', () => {
    const scene = new Scene();
    const a = scene.worker();
    const job = scene.job();
    scene.place();
    const ref = scene.first(a);
    scene.succeed(a, ref);
    scene.apply({
      type: 'worker.renewed',
      worker: a,
      load: { cpuOthers: 0, memoryFreeBytes: 0, diskFreeBytes: 0, battery: null, throttle: 1, devices: [] },
      attempts: [{ ref, progress: null }],
    });
    expect(scene.messages(a, 'cancel').map((send) => [send.after, send.message])).toEqual([['commit', { type: 'cancel', attempts: [ref], reason: 'stale' }]]);
    expect(scene.settled(job).length).toBe(1);
  });

  it('stops an attempt that runs over its time, and one that makes no progress', () => {
    const scene = new Scene();
    const [a, b] = [scene.worker(), scene.worker()];
    const slow = scene.job({ type: 'MOCK', spec: {}, timeouts: { executionMs: 10_000 }, retry: { maxAttempts: 1 } });
    const stuck = scene.job({ type: 'MOCK', spec: {}, timeouts: { noProgressMs: 5_000 }, retry: { maxAttempts: 1 } });
    scene.place();
    scene.start(a);
    scene.start(b);
    scene.wait(11_000);
    expect(scene.settled(slow)).toEqual([]);
    scene.wait(3_000);
    expect(scene.settled(slow)).toEqual(['0:failed:TIMEOUT']);
    expect(scene.settled(stuck)).toEqual(['0:failed:NO_PROGRESS']);
    expect(scene.messages(a, 'cancel')[0]?.message).toMatchObject({ reason: 'timeout' });
  });
});
