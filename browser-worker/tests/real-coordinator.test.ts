// A donating tab and the shipped coordinator as real processes: what survives a kill -9, and what Pause means to a job.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture, TestGrid } from '../../tests/harness/grid.ts';
import { needsChromium } from '../../tests/harness/skip.ts';
import { buildBundle, stateOf } from './chromium.ts';

let grid: TestGrid;

beforeAll(async () => {
  await buildBundle();
  grid = await TestGrid.start();
});
afterAll(() => grid?.stop());

const TASKS = 40;

/** About a tenth of a second of arithmetic each. */
async function fibonacciJob(): Promise<Parameters<TestGrid['client']['submit']>[0]> {
  const module = await grid.client.artifacts.put(fixture('wasm/sum.wasm'));
  return { type: 'WASM', spec: { module: module.digest, entryPoint: 'fibonacci', params: ['150000000n'] }, array: { count: TASKS } };
}

it('a tab keeps its attempts through kill -9 of the coordinator, and every task counts once', async (context) => {
  await needsChromium(context);
  const tab = await grid.tab('survivor', 'cores=2&battery=1');
  if (tab === null) throw new Error('no tab');
  const job = grid.client.submit(await fibonacciJob());
  await expect.poll(async () => (await stateOf(tab.page)).tasksDone, { timeout: 30_000 }).toBeGreaterThan(3);
  const before = await stateOf(tab.page);
  await grid.processes.kill(grid.coordinator);
  await expect.poll(async () => (await stateOf(tab.page)).phase).toBe('offline');
  await grid.restartCoordinator();
  const result = await job;
  expect(result.job.counts).toMatchObject({ total: TASKS, succeeded: TASKS });
  const runsByTask = async (): Promise<Map<string, number>> => {
    const runs = new Map<string, number>();
    for (const { task, outcome } of (await stateOf(tab.page)).history) if (outcome === 'succeeded') runs.set(task, (runs.get(task) ?? 0) + 1);
    return runs;
  };
  // The page's state follows within a tenth of a second.
  await expect.poll(async () => (await runsByTask()).size).toBe(TASKS);
  const after = await stateOf(tab.page);
  expect(after).toMatchObject({ phase: 'working', startedAtMs: before.startedAtMs });
  // Results that were acknowledged before the kill are never computed again; those on their way at that moment may be.
  const again = [...(await runsByTask()).values()].filter((count) => count > 1).length;
  expect(again).toBeLessThanOrEqual(4);
  await tab.close();
}, 90_000);

it('a paused tab runs nothing while its job waits, and finishes it after Resume', async (context) => {
  await needsChromium(context);
  const tab = await grid.tab('pauser', 'cores=2&battery=1');
  if (tab === null) throw new Error('no tab');
  const job = grid.client.submit(await fibonacciJob());
  await expect.poll(async () => (await stateOf(tab.page)).tasksDone, { timeout: 30_000 }).toBeGreaterThan(3);
  await tab.page.getByRole('button', { name: 'Pause' }).click();
  await expect.poll(async () => (await stateOf(tab.page)).phase, { timeout: 1_000 }).toBe('paused');
  const paused = await stateOf(tab.page);
  const worker = await grid.until((candidate) => candidate.id === paused.worker && candidate.state === 'draining' && candidate.running === 0, 10_000);
  expect(worker.running).toBe(0);
  expect((await stateOf(tab.page)).history.filter(({ outcome }) => outcome === 'succeeded').length).toBeLessThan(TASKS);
  await tab.page.getByRole('button', { name: 'Resume' }).click();
  expect((await job).job.counts).toMatchObject({ total: TASKS, succeeded: TASKS });
  await tab.close();
}, 90_000);
