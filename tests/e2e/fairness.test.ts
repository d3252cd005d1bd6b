// Placement follows what workers can really do now: a machine that others keep busy gets less, and the last tasks of a job do not go
// to a worker ten times slower. Each worker is pinned to a core of its own; foreign processes press one of the two.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, expect, it, type TestContext } from 'vitest';
import { attemptsOf } from '../../scripts/demo/tally.ts';
import { fixture, TestGrid } from '../harness/grid.ts';
import type { Running } from '../harness/processes.ts';
import { skip } from '../harness/skip.ts';

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

/** The worker and the children it has already: later ones inherit their core. */
function pin(core: number, { pid }: Pick<Running, 'pid'>): void {
  spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)]);
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .stdout.trim()
    .split(/\s+/);
  for (const child of children) if (child !== '') pin(core, { pid: Number(child) });
}

/** Endless loops on one core, none of the grid's. */
function press(core: number, processes: number): void {
  for (let at = 0; at < processes; at++)
    hogs.push(
      spawn('taskset', ['-c', String(core), process.execPath, '-e', 'for (const end = Date.now() + 120_000; Date.now() < end; );'], { stdio: 'ignore' }),
    );
}

const QUIET_MAX = 0.3;

/** The comparison means nothing when the other core is not free either: then it is skipped, with the figure. */
async function needsQuiet(context: TestContext, name: string): Promise<void> {
  const worker = await grid.until((one) => one.name === name && one.load !== null);
  const others = worker.load?.cpuOthers ?? 1;
  if (others > QUIET_MAX) skip(context, `other programs take ${Math.round(others * 100)} % of the core that should be free`);
}

/** Who did how many of `count` tasks that each compress the same text, and to whom the last three were given. */
async function shares(count: number): Promise<{ byName: Map<string, number>; last: string[] }> {
  const module = await grid.client.artifacts.put(fixture('wasm/gzip.wasm'));
  const input = await grid.client.artifacts.put(new Uint8Array(Buffer.from('words and more words, one line of many\n'.repeat(12_000))));
  const job = grid.client.submit({
    type: 'WASM',
    spec: { module: module.digest },
    array: { count },
    inputs: [{ name: 'text', source: { digest: input.digest }, path: '/dev/stdin' }],
    outputs: [{ name: 'gz', path: '/dev/stdout' }],
  });
  await job;
  const attempts = (await attemptsOf(grid.client, await job.id)).sort((a, b) => a.assignedAtMs - b.assignedAtMs);
  const byName = new Map<string, number>();
  for (const { state, workerName } of attempts) if (state === 'succeeded') byName.set(workerName, (byName.get(workerName) ?? 0) + 1);
  return { byName, last: attempts.slice(-3).map((attempt) => attempt.workerName) };
}

it('a worker whose machine is kept at 100 % by others gets at most 60 % of the idle one’s tasks', async (context) => {
  needsTwoCores(context);
  pin(0, await grid.worker({ name: 'idle', args: ['--slots', '1'] }));
  pin(1, await grid.worker({ name: 'pressed', args: ['--slots', '1'] }));
  press(1, 3); // what the coordinator and this test take of the other core must not decide it
  await grid.until((worker) => worker.name === 'pressed' && (worker.load?.cpuOthers ?? 0) > 0.4);
  await needsQuiet(context, 'idle');
  const { byName } = await shares(200);
  await needsQuiet(context, 'idle');
  expect(byName.get('pressed') ?? 0).toBeLessThanOrEqual((byName.get('idle') ?? 0) * 0.6);
}, 180_000);

it('at ten to one in speed the last tasks do not go to the slow worker', async (context) => {
  needsTwoCores(context);
  pin(0, await grid.worker({ name: 'fast', args: ['--slots', '1'] }));
  pin(1, await grid.worker({ name: 'slow', args: ['--slots', '1'] }));
  press(1, 9);
  await grid.until((worker) => worker.name === 'slow' && (worker.load?.cpuOthers ?? 0) > 0.4);
  await needsQuiet(context, 'fast');
  const { byName, last } = await shares(150);
  await needsQuiet(context, 'fast');
  expect(byName.get('slow') ?? 0).toBeGreaterThan(0);
  expect(last).toEqual(['fast', 'fast', 'fast']);
}, 180_000);
