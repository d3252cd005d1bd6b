// MOCK does what it is told, and its plans add each piece once and end.
import { readFileSync } from 'node:fs';
import { type JobSpec, normalizeJob } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { browserExecutors } from '../../browser.ts';
import { isPlanned, parseSpec } from '../../kit/index.ts';
import { failureOf, fakeHost, never, outputOf, taskOf } from '../../testing/fake-host.ts';
import { runMock } from './engine/run.ts';
import { mockPlan } from './plan.ts';
import { mock } from './task.ts';

const run = async (spec: object, more: Parameters<typeof taskOf>[1] = {}, signal = never) => {
  const host = fakeHost();
  const executor = await browserExecutors.MOCK();
  return { host, result: await executor.execute(taskOf<unknown>(spec, more), host, signal) };
};
const attempt = (number: number) => ({ environment: { UDCS_ATTEMPT: String(number) } });

describe('MOCK', () => {
  it('knows its vectors', async () => {
    const vectors: { spec: object; index: number; value: unknown }[] = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'));
    for (const { spec, index, value } of vectors) expect((await run(spec, { index })).result.value).toEqual(value);
  });

  it('logs, reports progress and writes outputs', async () => {
    const { host } = await run({ logLines: 3, progressSteps: 4, outputBytes: 300 }, { index: 2, outputs: [outputOf('o', 'o')] });
    expect(host.logged.length).toBe(3);
    expect(host.steps).toEqual([0.25, 0.5, 0.75, 1]);
    expect(host.stored.get('o')?.subarray(0, 3)).toEqual(new Uint8Array([2, 33, 64]));
  });

  it('fails the first attempts, or one index only', async () => {
    expect((await failureOf(run({ failTimes: 2 }, attempt(2)))).code).toBe('EXECUTOR_FAILED');
    expect((await run({ failTimes: 2 }, attempt(3))).result.value).toBe(0);
    expect((await failureOf(run({ failWith: 'EXIT_CODE', failOnIndex: 4 }, { index: 4 }))).code).toBe('EXIT_CODE');
    expect((await run({ failWith: 'EXIT_CODE', failOnIndex: 4 }, { index: 5 })).result.value).toBe(5);
  });

  it('waits as long as told', async () => {
    const { runMs, jitterMs } = { runMs: 30, jitterMs: 40 };
    const startedMs = performance.now();
    await run({ runMs, jitterMs });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(runMs - 2);
  });

  it('hears a cancel while it hangs idle', async () => {
    const listeners: (() => void)[] = [];
    const signal = { aborted: false, addEventListener: (_: 'abort', listener: () => void) => void listeners.push(listener) };
    const running = failureOf(run({ hang: 'idle' }, {}, signal));
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const listener of listeners) listener();
    expect((await running).code).toBe('CANCELED');
  });

  it('crashes the executor it runs in', async () => {
    const crashes: string[] = [];
    await runMock(taskOf(parseSpec(mock, { crash: true })), fakeHost(), never, () => void crashes.push('crash'));
    expect(crashes).toEqual(['crash']);
  });
});

describe('the plan of MOCK', () => {
  const jobOf = (plan: object | undefined, count = 1): JobSpec =>
    normalizeJob({ type: 'MOCK', spec: { runMs: 1, ...(plan === undefined ? {} : { plan }) }, array: { count } });

  /** Plays a job to its end; `order` picks which waiting piece settles next. */
  function play(job: JobSpec, order: readonly number[]): { keys: string[]; values: Map<string, unknown> } {
    const keys: string[] = [];
    const values = new Map<string, unknown>();
    const open: string[] = [];
    let step = mockPlan.start(job);
    let turn = 0;
    const add = (): void => {
      for (const piece of step.add) {
        keys.push(piece.key);
        open.push(piece.key);
        values.set(piece.key, parseSpec(mock, piece.spec).value);
      }
    };
    add();
    while (open.length > 0) {
      const [key] = open.splice((order[turn++ % order.length] ?? 0) % open.length, 1);
      if (key === undefined) break;
      // A state goes through the store as JSON.
      step = mockPlan.on(job, JSON.parse(JSON.stringify(step.state)), { kind: 'settled', key, value: values.get(key), outputs: {} });
      add();
    }
    expect(step.done).toBe(true);
    return { keys, values };
  }

  it('maps and merges: every part once, then the sum, in any order of settling', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.array(fc.nat(), { minLength: 1, maxLength: 60 }), (parts, order) => {
        const { keys, values } = play(jobOf({ kind: 'map-merge', parts }), order);
        expect(new Set(keys).size).toBe(parts + 1);
        expect(keys.at(-1)).toBe('merge');
        expect(values.get('merge')).toBe((parts * (parts + 1)) / 2);
      }),
    );
  });

  it('plays rounds: a round only after all of the last', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(), { minLength: 1 }), (rounds, parts, order) => {
        const { keys } = play(jobOf({ kind: 'rounds', rounds, parts }), order);
        expect(keys).toEqual(Array.from({ length: rounds * parts }, (_, at) => `r${Math.floor(at / parts)}-${at % parts}`));
      }),
    );
  });

  it('ends when a piece fails or the job is canceled, and cancels what waits', () => {
    const job = jobOf({ kind: 'map-merge', parts: 3 });
    const { state } = mockPlan.start(job);
    const failed = mockPlan.on(job, state, { kind: 'failed', key: 'map-1', error: { code: 'EXIT_CODE', message: 'x' } });
    expect(failed).toMatchObject({ add: [], cancel: ['map-0', 'map-2'], done: true });
    expect(mockPlan.on(job, state, { kind: 'canceled' })).toMatchObject({ add: [], cancel: ['map-0', 'map-1', 'map-2'], done: true });
    expect(mockPlan.on(job, failed.state, { kind: 'settled', key: 'map-0', value: 1, outputs: {} })).toMatchObject({ add: [], done: true });
  });

  it('drops a settlement that came twice', () => {
    const job = jobOf({ kind: 'map-merge', parts: 2 });
    const once = mockPlan.on(job, mockPlan.start(job).state, { kind: 'settled', key: 'map-0', value: 1, outputs: {} });
    const twice = mockPlan.on(job, once.state, { kind: 'settled', key: 'map-0', value: 1, outputs: {} });
    expect(twice.state).toEqual(once.state);
    expect(twice.add).toEqual([]);
  });

  it('is used only by a job that has one, and is then no array', () => {
    expect(isPlanned(mock, parseSpec(mock, {}))).toBe(false);
    expect(isPlanned(mock, parseSpec(mock, { plan: { kind: 'map-merge', parts: 2 } }))).toBe(true);
    expect(mock.check(parseSpec(mock, { plan: { kind: 'map-merge', parts: 2 } }), jobOf({}, 5))).toContain('instead of array');
  });

  it('refuses a state it does not know', () => {
    expect(() => mockPlan.on(jobOf(undefined), { version: 2 }, { kind: 'woke' })).toThrow('version');
  });
});
