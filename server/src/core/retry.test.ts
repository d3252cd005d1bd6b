import { describe, expect, it } from 'vitest';
import { Scene } from '../../tests/core/scene.ts';

describe('failures', () => {
  it('ends a task at once when the owner’s worker says that the job is wrong', () => {
    const scene = new Scene();
    const a = scene.worker({ owner: 'ann' });
    const job = scene.job();
    scene.place();
    scene.fail(a, 'MODULE_INVALID');
    expect(scene.settled(job)).toEqual(['0:failed:MODULE_INVALID']);
    expect(scene.counts(job)).toMatchObject({ failed: 1, error: { code: 'MODULE_INVALID' } });
  });

  it('asks a second host before it believes a stranger that the job is wrong', () => {
    const scene = new Scene();
    const [a, b] = [scene.worker({ owner: null }), scene.worker({ owner: null })];
    const job = scene.job();
    scene.place();
    scene.fail(a, 'KERNEL_COMPILE');
    expect(scene.settled(job)).toEqual([]);
    scene.place();
    expect(scene.keys(b)).toEqual(['0']);
    scene.fail(b, 'KERNEL_COMPILE');
    expect(scene.settled(job)).toEqual(['0:failed:KERNEL_COMPILE']);
  });

  it('believes a stranger when nobody else could say otherwise', () => {
    const scene = new Scene();
    const a = scene.worker({ owner: null });
    const job = scene.job();
    scene.place();
    scene.fail(a, 'KERNEL_COMPILE');
    expect(scene.settled(job)).toEqual(['0:failed:KERNEL_COMPILE']);
  });

  it('tries elsewhere after a back-off of about a second', () => {
    const scene = new Scene();
    const [a, b] = [scene.worker(), scene.worker()];
    scene.job();
    scene.place();
    scene.fail(a, 'EXIT_CODE');
    expect(scene.place().keys(b)).toEqual([]);
    scene.wait(1_050);
    expect([scene.keys(a), scene.keys(b)]).toEqual([[], ['0']]);
  });

  it('tries again on the same host when there is no other, and gives up after maxAttempts', () => {
    const scene = new Scene();
    const a = scene.worker();
    const job = scene.job({ type: 'MOCK', spec: {}, retry: { maxAttempts: 3 } });
    for (let attempt = 1; attempt <= 3; attempt++) {
      scene.wait(5_000);
      scene.fail(a, 'CRASHED');
    }
    expect(scene.settled(job)).toEqual(['0:failed:CRASHED']);
    expect(scene.counts(job)).toMatchObject({ failed: 1, repeated: 2 });
  });

  it('does not count what is the worker’s fault against the job', () => {
    const scene = new Scene();
    const workers = [scene.worker(), scene.worker(), scene.worker()];
    const job = scene.job({ type: 'MOCK', spec: {}, retry: { maxAttempts: 1 } });
    for (let failed = 0; failed < 2; failed++) {
      scene.wait(5_000);
      const holder = workers.find((worker) => scene.keys(worker).length > 0);
      scene.fail(holder ?? workers[0] ?? scene.worker(), 'DEVICE_LOST');
    }
    expect(scene.settled(job)).toEqual([]);
    scene.wait(5_000);
    expect(workers.flatMap((worker) => scene.keys(worker))).toEqual(['0']);
  });

  it('bars a worker that refused from this kind of task until its capabilities change', () => {
    const scene = new Scene();
    const a = scene.worker();
    const job = scene.job();
    scene.place();
    scene.reject(a);
    expect(scene.place().keys(a)).toEqual([]);
    scene.wait(60_000);
    expect(scene.keys(a)).toEqual([]);
    scene.apply({ type: 'worker.capabilities', worker: a, capabilities: scene.introduction({}, a).capabilities });
    expect(scene.place().keys(a)).toEqual(['0']);
    expect(scene.settled(job)).toEqual([]);
  });

  it('takes a task for poison that three workers on two hosts did not survive', () => {
    const scene = new Scene();
    const job = scene.job();
    for (let lost = 0; lost < 3; lost++) {
      const worker = scene.worker({ host: `hst_${lost % 2}` });
      scene.place();
      scene.start(worker);
      scene.close(worker, true);
    }
    expect(scene.settled(job)).toEqual(['0:failed:CRASHED']);
  });

  it('does not take a task for poison that never started', () => {
    const scene = new Scene();
    const job = scene.job();
    for (let lost = 0; lost < 10; lost++) {
      const worker = scene.worker();
      scene.place();
      scene.close(worker, true);
    }
    expect(scene.settled(job)).toEqual([]);
  });

  it('stops after 25 attempts whatever the reasons', () => {
    const scene = new Scene();
    const job = scene.job();
    for (let lost = 0; lost < 25; lost++) {
      const worker = scene.worker();
      scene.place();
      scene.close(worker, true);
    }
    expect(scene.settled(job)).toEqual(['0:failed:ATTEMPTS_EXHAUSTED']);
  });

  it('ends the job when more tasks failed than it allows', () => {
    const scene = new Scene();
    const a = scene.worker({ slots: 4 });
    const job = scene.job({ type: 'MOCK', spec: {}, array: { count: 100 }, maxFailures: 1, retry: { maxAttempts: 1 } });
    scene.place();
    scene.fail(a, 'EXIT_CODE');
    expect(scene.counts(job)?.endedAtMs).toBe(null);
    scene.fail(a, 'EXIT_CODE');
    expect(scene.counts(job)).toMatchObject({ failed: 2, canceled: 98, error: { code: 'TOO_MANY_FAILURES' }, endedAtMs: expect.any(Number) });
    expect(scene.messages(a, 'cancel').length).toBeGreaterThan(0);
  });
});
