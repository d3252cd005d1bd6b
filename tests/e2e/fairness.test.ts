// Placement follows what workers can really do now: a machine that others keep busy gets less, and the last tasks of a job do not go
// to a worker ten times slower. Each worker is pinned to a core of its own; foreign processes press one of the two.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, expect, it, type TestContext } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';
import type { Running } from '../harness/processes.ts';
import { skip } from '../harness/skip.ts';
import { deliver } from '../harness/stream.ts';

let grid: TestGrid;
let hogs: ChildProcess[] = [];

beforeEach(async () => {
  grid = await TestGrid.start();
});
afterEach(async () => {
  for (const hog of hogs) hog.kill('SIGKILL');
  hogs = [];
  await grid?.stop();
});

function needsTwoCores(context: TestContext): void {
  if (process.platform !== 'linux' || availableParallelism() < 2) skip(context, 'needs taskset and two cores');
}

const pin = (core: number, { pid }: Pick<Running, 'pid'>): void => void spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)]);

/** Endless loops on one core, none of the grid's. */
function press(core: number, processes: number): void {
  for (let at = 0; at < processes; at++)
    hogs.push(
      spawn('taskset', ['-c', String(core), process.execPath, '-e', 'for (const end = Date.now() + 120_000; Date.now() < end; );'], { stdio: 'ignore' }),
    );
}

/** Who did how many of `count` tasks that each hash the same text, in the order in which they ended. */
async function shares(count: number): Promise<{ byName: Map<string, number>; last: string[] }> {
  const names = new Map((await grid.workers()).map((worker) => [worker.id, worker.name]));
  const module = await grid.client.artifacts.put(fixture('wasm/gzip.wasm'));
  const input = await grid.client.artifacts.put(new Uint8Array(Buffer.from('words and more words, one line of many\n'.repeat(12_000))));
  const job = grid.client.submit({
    type: 'WASM',
    spec: { module: module.digest },
    array: { count },
    inputs: [{ name: 'text', source: { digest: input.digest }, path: '/dev/stdin' }],
    outputs: [{ name: 'gz', path: '/dev/stdout' }],
  });
  const { tasks } = await deliver(job);
  const order = [...tasks.values()].map((task) => names.get(task.worker as never) ?? 'unknown');
  const byName = new Map<string, number>();
  for (const name of order) byName.set(name, (byName.get(name) ?? 0) + 1);
  return { byName, last: order.slice(-3) };
}

it('a worker whose machine is kept at 100 % by others gets at most 60 % of the idle one’s tasks', async (context) => {
  needsTwoCores(context);
  pin(0, await grid.worker({ name: 'idle', args: ['--slots', '1'] }));
  pin(1, await grid.worker({ name: 'pressed', args: ['--slots', '1'] }));
  press(1, 1);
  await grid.until((worker) => worker.name === 'pressed' && (worker.load?.cpuOthers ?? 0) > 0.4);
  const { byName } = await shares(200);
  expect(byName.get('pressed') ?? 0).toBeLessThanOrEqual((byName.get('idle') ?? 0) * 0.6);
}, 180_000);

it('at ten to one in speed the last tasks do not go to the slow worker', async (context) => {
  needsTwoCores(context);
  pin(0, await grid.worker({ name: 'fast', args: ['--slots', '1'] }));
  pin(1, await grid.worker({ name: 'slow', args: ['--slots', '1'] }));
  press(1, 9);
  const { byName, last } = await shares(150);
  expect(byName.get('slow') ?? 0).toBeGreaterThan(0);
  expect(last).toEqual(['fast', 'fast', 'fast']);
}, 180_000);
