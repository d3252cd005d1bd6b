// Who gets which executor child: the pool alone, with real children that run MOCK.
import { join } from 'node:path';
import type { ExecutorTask } from '@udcs/tasks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExecutorPool, type RunEnd } from '../src/executor/executor-pool.ts';
import { probeSandbox } from '../src/sandbox/sandbox.ts';
import { tempDir } from './harness.ts';

const folder = tempDir();
const task = (spec: Record<string, unknown>): ExecutorTask<unknown> => ({
  spec,
  inputs: [],
  outputs: [],
  environment: { UDCS_ATTEMPT: '1' },
  index: 0,
  count: 1,
  limits: { cpus: 1, memoryBytes: 32 * 1024 * 1024, diskBytes: 0, executionMs: 10_000 },
  isolationMin: 'none',
});

describe('the executor pool', () => {
  let pool: ExecutorPool;
  /** Starts of children so far; a spare counts when it starts. */
  const started = (): number => pool.started;
  beforeAll(() => {
    pool = new ExecutorPool({ sandbox: probeSandbox(folder), folder: join(folder, 'executors'), idleMax: 2 });
  });
  afterAll(() => pool.close());

  const run = (key: string, spec: Record<string, unknown> = {}): Promise<RunEnd> =>
    pool.run({
      key,
      type: 'MOCK',
      task: task(spec),
      files: new Map(),
      noProgressMs: 0,
      keepDir: join(folder, 'kept'),
      events: { onLog: () => {}, onProgress: () => {} },
    }).end;
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  test('attempts of the same owner, job and code share one child; a spare waits beside it', async () => {
    for (let round = 0; round < 5; round++) expect((await run('a')).kind).toBe('done');
    await settled();
    expect(started()).toBe(2);
  });

  test('another job gets the spare, never the child of the first', async () => {
    expect((await run('b')).kind).toBe('done');
    await settled();
    expect(started()).toBe(3);
    expect((await run('a')).kind).toBe('done');
    expect(started()).toBe(3);
  });

  test('a child that saw a failure is not used again', async () => {
    expect(await run('a', { failWith: 'CRASHED' })).toMatchObject({ kind: 'failed', failure: { code: 'CRASHED' } });
    expect((await run('a')).kind).toBe('done');
    await settled();
    expect(started()).toBe(4);
  });

  test('a killed run says so and its child is gone', async () => {
    const running = pool.run({
      key: 'a',
      type: 'MOCK',
      task: task({ hang: 'busy' }),
      files: new Map(),
      noProgressMs: 0,
      keepDir: folder,
      events: { onLog: () => {}, onProgress: () => {} },
    });
    setTimeout(() => running.kill(), 100);
    expect(await running.end).toEqual({ kind: 'killed' });
    const before = started();
    expect((await run('a')).kind).toBe('done');
    await settled();
    expect(started()).toBe(before + 1);
  });

  test('after 256 attempts a child is replaced', async () => {
    const before = started();
    for (let round = 0; round < 257; round++) await run('many');
    await settled();
    // Its own, the one after 256, and the spares that stood by for them.
    expect(started()).toBe(before + 2);
  });
});
