// WASM in executor children: limits that end a task by name, the rules of reuse, and what ten milliseconds of work cost.
import type { Digest, Job } from '@udcs/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loopModule, type Stage, stage, textOf, wasmFixture } from './harness.ts';

const MIB = 1024 * 1024;

describe('WASM in executor children', () => {
  let on: Stage;
  const modules = new Map<string, Digest>();
  beforeAll(async () => {
    on = await stage({ slots: 2, deny: ['WGSL_KERNEL', 'NATIVE_EXEC'] });
    for (const name of ['spin', 'hog', 'flood', 'echo-args', 'wc']) modules.set(name, on.coordinator.put(wasmFixture(name)));
    modules.set('loop', on.coordinator.put(loopModule));
  });
  afterAll(() => on.end());

  const job = (name: string, spec: Record<string, unknown> = {}, more: Partial<Job> = {}): Job => ({
    type: 'WASM',
    spec: { module: modules.get(name), ...spec },
    resources: { cpus: 1, memoryBytes: 32 * MIB, diskBytes: MIB },
    timeouts: { executionMs: 30_000 },
    ...more,
  });
  const end = async (what: Job) => on.coordinator.endOf(on.coordinator.assign(what)[0]);

  test('a program gets its arguments and its words come back', async () => {
    const done = await end(job('echo-args', { args: ['one', 'two words'] }, { outputs: [{ name: 'said', path: '/dev/stdout' }] }));
    if (done.kind !== 'succeeded') expect.fail(JSON.stringify(done));
    expect(textOf(done.report.outputs['said'])).toContain('two words');
  });

  test('an input over the wire is counted by the program', async () => {
    const digest = on.coordinator.put(Buffer.from('a b\nc d\n'));
    const done = await end(
      job('wc', {}, { inputs: [{ name: 'text', source: { digest }, path: '/dev/stdin' }], outputs: [{ name: 'said', path: '/dev/stdout' }] }),
    );
    if (done.kind !== 'succeeded') expect.fail(JSON.stringify(done));
    expect(textOf(done.report.outputs['said'])).toMatch(/2\s+4\s+8/);
  });

  test('an endless loop ends at its wall limit, and the next task runs', async () => {
    expect(await end(job('spin', {}, { timeouts: { executionMs: 400 } }))).toMatchObject({
      kind: 'failed',
      report: { code: 'TIMEOUT', message: expect.stringContaining('executionMs (400 ms)') },
    });
    expect((await end(job('loop', { entryPoint: 'f', params: [10] }))).kind).toBe('succeeded');
  });

  test('an endless loop hears a cancel within two seconds', async () => {
    const [task] = on.coordinator.assign(job('spin'));
    const assigned = task;
    await on.coordinator.until(
      () => on.coordinator.frames.some((frame) => frame.type === 'report' && frame.started?.some((ref) => ref.task === assigned.ref.task)),
      'started',
    );
    const atMs = performance.now();
    on.coordinator.send({ type: 'cancel', attempts: [assigned.ref], reason: 'canceled' });
    expect(await on.coordinator.endOf(assigned)).toEqual({ kind: 'released' });
    expect(performance.now() - atMs).toBeLessThan(2_000);
  });

  test('a memory hog meets its cap inside and the error names it', async () => {
    expect(await end(job('hog'))).toMatchObject({ kind: 'failed', report: { code: 'MEMORY_LIMIT' } });
  });

  test('a flood of output ends by name while the thread is busy', async () => {
    expect(await end(job('flood', {}, { outputs: [{ name: 'said', path: '/dev/stdout', maxBytes: 100_000 }] }))).toMatchObject({
      kind: 'failed',
      report: { code: 'OUTPUT_LIMIT' },
    });
    expect(await end(job('flood'))).toMatchObject({ kind: 'failed', report: { code: 'OUTPUT_LIMIT' } });
  });

  test('a module that was never uploaded is named', async () => {
    const nowhere = `sha256:${'9'.repeat(64)}`;
    expect(await end({ ...job('loop'), spec: { module: nowhere } })).toMatchObject({
      kind: 'failed',
      report: { code: 'INPUT_UNAVAILABLE', message: expect.stringContaining(nowhere) },
    });
  });

  // Time on a machine that others use as well says little; what the worker itself takes from the processor is the same there.
  test('a task of ten milliseconds costs the worker a small part of that', async () => {
    const steps = await stepsFor(10);
    const tasks = on.coordinator.assign(job('loop', { entryPoint: 'f', params: [steps] }, { array: { count: 300 } }));
    await on.coordinator.endOf(tasks[10]);
    const fromMs = performance.now();
    const before = process.cpuUsage();
    for (const task of tasks) await on.coordinator.endOf(task);
    const tookMs = performance.now() - fromMs;
    const { user, system } = process.cpuUsage(before);
    const own = (user + system) / 1_000 / 289;
    const worked = tasks
      .slice(11)
      .map((task) => on.coordinator.ended.get(task.name))
      .map((ended) => (ended?.kind === 'succeeded' ? (ended.report.usage.cpuMs ?? 0) : expect.fail(JSON.stringify(ended))))
      .reduce((sum, ms) => sum + ms, 0);
    process.stdout.write(
      `10 ms WASM tasks: efficiency ${((worked / (tookMs * 2)) * 100).toFixed(0)} % on 2 slots, ${own.toFixed(2)} ms of agent and test coordinator each\n`,
    );
    expect(worked / 289).toBeGreaterThan(5);
    expect(own).toBeLessThan(3);
  });

  /** Calibrated on this machine, in an executor, so that a slow one runs the test in the same time. */
  async function stepsFor(ms: number): Promise<number> {
    const steps = 1_000_000;
    // One job, one child: the first tasks pay for its start and its compiler, the last ones show what the rest will be like.
    const tasks = on.coordinator.assign(job('loop', { entryPoint: 'f', params: [steps] }, { array: { count: 60 } }));
    for (const task of tasks) await on.coordinator.endOf(task);
    const cpuMs = tasks
      .slice(30)
      .map((task) => on.coordinator.ended.get(task.name))
      .map((ended) => (ended?.kind === 'succeeded' ? (ended.report.usage.cpuMs ?? 0) : expect.fail(JSON.stringify(ended))))
      .sort((x, y) => x - y)[15];
    return Math.max(1, Math.round((steps * ms) / Math.max(0.1, cpuMs ?? 1)));
  }
});
