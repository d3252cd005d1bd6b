// The worker on the wire, judged from the other end: policy, cancel, revoke, acknowledgement, reconnect, drain.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Stage, stage } from './harness.ts';

const mock = (spec: Record<string, unknown>) => ({ type: 'MOCK' as const, spec, resources: { cpus: 0, memoryBytes: 0, diskBytes: 0 } });
const native = { type: 'NATIVE_EXEC' as const, spec: { builds: [{ os: 'linux', arch: 'x64', executable: `sha256:${'0'.repeat(64)}` }] } };

describe('the policy gate', () => {
  let on: Stage;
  beforeAll(async () => {
    on = await stage({ deny: ['WGSL_KERNEL', 'WASM'] });
  });
  afterAll(() => on.end());

  test('says in its hello what it takes and from whom', () => {
    const { capabilities } = on.coordinator.hellos[0] ?? expect.fail('no hello');
    expect(capabilities.types).toEqual(['NATIVE_EXEC', 'MOCK']);
    expect(capabilities.untrustedTypes).toEqual(['MOCK']);
    expect(capabilities.attributes['isolation']).toContain('process');
  });

  test('rejects a type that its owner denied, and says why', async () => {
    const [task] = on.coordinator.assign({ type: 'WASM', spec: { module: `sha256:${'0'.repeat(64)}` } });
    expect(await on.coordinator.endOf(task)).toEqual({ kind: 'rejected', code: 'POLICY', message: "this worker's owner does not allow WASM" });
  });

  test('rejects native work of a stranger, and says why', async () => {
    const [task] = on.coordinator.assign(native, { trusted: false });
    expect(await on.coordinator.endOf(task)).toEqual({ kind: 'rejected', code: 'POLICY', message: 'this worker runs NATIVE_EXEC only for its own owner' });
  });

  test('rejects an isolation it can not give, and names what it gives', async () => {
    const [task] = on.coordinator.assign({ ...mock({}), isolation: { min: 'container' } });
    expect(await on.coordinator.endOf(task)).toMatchObject({ kind: 'rejected', code: 'POLICY', message: expect.stringContaining('"container"') });
  });

  test('rejects what can never fit, and says how much there is', async () => {
    const [task] = on.coordinator.assign({ ...mock({}), resources: { cpus: 1_000 } });
    expect(await on.coordinator.endOf(task)).toMatchObject({
      kind: 'rejected',
      code: 'NO_ROOM',
      message: expect.stringMatching(/needs resources.cpus 1000, this worker has \d+/),
    });
  });
});

describe('an attempt on the wire', () => {
  let on: Stage;
  beforeAll(async () => {
    on = await stage({ deny: ['WGSL_KERNEL', 'WASM'], slots: 2 });
  });
  afterAll(() => on.end());

  const startedOf = (name: string): boolean =>
    on.coordinator.frames.some((frame) => frame.type === 'report' && (frame.started ?? []).some((ref) => `${ref.task}/${ref.epoch}/${ref.attempt}` === name));

  test('a short task is one record, a long one is said to have started first', async () => {
    // On a busy machine some of them take long enough to be announced; not all.
    const shorts = on.coordinator.assign(mock({}), { count: 50 });
    for (const short of shorts) expect((await on.coordinator.endOf(short)).kind).toBe('succeeded');
    expect(shorts.some((short) => !startedOf(short.name))).toBe(true);
    const [long] = on.coordinator.assign(mock({ runMs: 300 }));
    await on.coordinator.until(() => startedOf(long.name), 'started');
    expect(on.coordinator.ended.has(long.name)).toBe(false);
    expect((await on.coordinator.endOf(long)).kind).toBe('succeeded');
  });

  test('more tasks than slots wait their turn and all end', async () => {
    const tasks = on.coordinator.assign(mock({ runMs: 5 }), { count: 50 });
    for (const task of tasks) expect((await on.coordinator.endOf(task)).kind).toBe('succeeded');
  });

  test('renewals name what runs, with progress and load', async () => {
    const [task] = on.coordinator.assign(mock({ runMs: 1_500, progressSteps: 10 }));
    const renewal = await on.coordinator.until(
      () =>
        on.coordinator.frames.find((frame) => frame.type === 'renew' && frame.attempts.some((one) => one.task === task.ref.task && (one.progress ?? 0) > 0)),
      'a renewal with progress',
    );
    expect(renewal).toMatchObject({ load: { memoryFreeBytes: expect.any(Number), throttle: 1 } });
    await on.coordinator.endOf(task);
  });

  test('cancel ends what runs and what waits; each is released', async () => {
    const tasks = on.coordinator.assign(mock({ hang: 'idle' }), { count: 3 });
    await on.coordinator.until(() => startedOf(tasks[0].name), 'started');
    on.coordinator.send({ type: 'cancel', attempts: tasks.map((task) => task.ref), reason: 'canceled' });
    for (const task of tasks) expect(await on.coordinator.endOf(task)).toEqual({ kind: 'released' });
  });

  test('cancel ends a task that burns its thread within two seconds', async () => {
    const [task] = on.coordinator.assign(mock({ hang: 'busy' }));
    await on.coordinator.until(() => startedOf(task.name), 'started');
    const atMs = performance.now();
    on.coordinator.send({ type: 'cancel', attempts: [task.ref], reason: 'timeout' });
    expect(await on.coordinator.endOf(task)).toEqual({ kind: 'released' });
    expect(performance.now() - atMs).toBeLessThan(2_000);
  });

  test('revoke takes back what waits and leaves what runs', async () => {
    const tasks = on.coordinator.assign(mock({ runMs: 400 }), { count: 3 });
    on.coordinator.send({ type: 'revoke', attempts: tasks.map((task) => task.ref) });
    expect(await on.coordinator.endOf(tasks[2])).toEqual({ kind: 'released' });
    expect((await on.coordinator.endOf(tasks[0])).kind).toBe('succeeded');
    expect((await on.coordinator.endOf(tasks[1])).kind).toBe('succeeded');
  });

  test('a crash of the executor fails the attempt, and the next task runs', async () => {
    const [crash] = on.coordinator.assign(mock({ crash: true }));
    expect(await on.coordinator.endOf(crash)).toMatchObject({ kind: 'failed', report: { code: 'CRASHED' } });
    const [next] = on.coordinator.assign(mock({}));
    expect((await on.coordinator.endOf(next)).kind).toBe('succeeded');
  });

  test('the wall limit and the no-progress limit end a task by name', async () => {
    const [slow] = on.coordinator.assign({ ...mock({ hang: 'idle' }), timeouts: { executionMs: 200 } });
    const [busy] = on.coordinator.assign({ ...mock({ hang: 'busy' }), timeouts: { executionMs: 60_000, noProgressMs: 300 } });
    expect(await on.coordinator.endOf(slow)).toMatchObject({
      kind: 'failed',
      report: { code: 'TIMEOUT', message: expect.stringContaining('executionMs (200 ms)') },
    });
    expect(await on.coordinator.endOf(busy)).toMatchObject({
      kind: 'failed',
      report: { code: 'NO_PROGRESS', message: expect.stringContaining('noProgressMs (300 ms)') },
    });
  });

  test('an output over 64 KiB is uploaded before the report', async () => {
    const [task] = on.coordinator.assign({ ...mock({ outputBytes: 200_000 }), outputs: [{ name: 'big' }] });
    const end = await on.coordinator.endOf(task);
    if (end.kind !== 'succeeded') expect.fail(JSON.stringify(end));
    const blob = end.report.outputs['big'];
    expect(blob).toMatchObject({ sizeBytes: 200_000 });
    expect(blob?.inline).toBeUndefined();
    expect(on.coordinator.artifacts.get(blob?.digest ?? '')?.length).toBe(200_000);
  });
});

describe('a lost connection', () => {
  test('what runs goes on, what ended is told again with its grant, and nothing twice after the ack', async () => {
    const on = await stage({ deny: ['WGSL_KERNEL', 'WASM'], slots: 3 });
    const { coordinator } = on;
    coordinator.acking = false;
    const [done] = coordinator.assign(mock({ value: 'kept' }));
    await coordinator.endOf(done);
    const [running] = coordinator.assign(mock({ runMs: 1_200 }));
    await coordinator.until(() => coordinator.frames.some((frame) => frame.type === 'report' && frame.started?.length), 'started');
    coordinator.ended.clear();
    await coordinator.crash();
    coordinator.epoch = 2;
    coordinator.acking = true;
    await coordinator.listen();
    const hello = await coordinator.joined(2);
    expect(hello.instance).toBe(coordinator.hellos[0]?.instance);
    expect(hello.holding).toEqual(
      expect.arrayContaining([
        { ...done.ref, state: 'finished' },
        { ...running.ref, state: 'running' },
      ]),
    );
    expect(hello.grants).toEqual(
      expect.arrayContaining([
        { attempts: [done.ref], mac: 'mac-of-tests' },
        { attempts: [running.ref], mac: 'mac-of-tests' },
      ]),
    );
    expect(await coordinator.endOf(done)).toMatchObject({ kind: 'succeeded', report: { value: 'kept' } });
    expect((await coordinator.endOf(running)).kind).toBe('succeeded');
    coordinator.dropSocket();
    expect((await coordinator.joined(3)).holding).toEqual([]);
    expect(coordinator.reports.filter((name) => name === running.name)).toHaveLength(1);
    await on.end();
  });

  test('what the coordinator drops is stopped and never reported', async () => {
    const on = await stage({ deny: ['WGSL_KERNEL', 'WASM'] });
    const { coordinator } = on;
    const [task] = coordinator.assign(mock({ hang: 'idle' }));
    await coordinator.until(() => coordinator.frames.some((frame) => frame.type === 'report' && frame.started?.length), 'started');
    coordinator.adopt = () => false;
    coordinator.dropSocket();
    await coordinator.joined(2);
    await coordinator.until(
      () => on.worker.holding() === 0 || coordinator.frames.some((frame) => frame.type === 'renew' && frame.attempts.length === 0),
      'an empty hand',
    );
    expect(coordinator.ended.has(task.name)).toBe(false);
    await on.end();
  });

  test('a refusal for good ends the worker with what the coordinator said', async () => {
    const on = await stage({ deny: ['WGSL_KERNEL', 'WASM'] });
    on.coordinator.send({ type: 'refused', code: 'UNAUTHENTICATED', message: 'the worker key was revoked', retryMs: null });
    await expect(on.worker.done).rejects.toThrow('the worker key was revoked');
    await on.end();
  });
});

describe('drain', () => {
  test('finishes what runs, gives back what waits, takes nothing new, then ends', async () => {
    const on = await stage({ deny: ['WGSL_KERNEL', 'WASM'], slots: 1 });
    const { coordinator } = on;
    const tasks = coordinator.assign(mock({ runMs: 500 }), { count: 2 });
    await coordinator.until(() => coordinator.frames.some((frame) => frame.type === 'report' && frame.started?.length), 'started');
    on.worker.drain('test');
    await coordinator.until(() => coordinator.frames.some((frame) => frame.type === 'intent' && frame.intent === 'drain'), 'the intent');
    const [late] = coordinator.assign(mock({}));
    expect(await coordinator.endOf(late)).toEqual({ kind: 'released' });
    expect(await coordinator.endOf(tasks[1])).toEqual({ kind: 'released' });
    expect((await coordinator.endOf(tasks[0])).kind).toBe('succeeded');
    await on.worker.done;
    await on.end();
  });
});
