// Pause in mid-job: the tab gives back what it has not finished, a native worker runs it, and nothing runs in the tab any more.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';
import { needsChromium } from '../harness/skip.ts';
import { deliver } from '../harness/stream.ts';

const TASKS = 150;
let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start();
  await grid.worker({ name: 'native', args: ['--slots', '1'] });
});
afterAll(() => grid?.stop());

it('a paused tab returns its leases, they run elsewhere, and within a second nothing runs in the tab', async (context) => {
  await needsChromium(context);
  const tab = await grid.tab('pauser', 'cores=2&gpu=0&data=10000&battery=1');
  if (tab === null) throw new Error('no tab');
  const { digest: module } = await grid.client.artifacts.put(fixture('wasm/sum.wasm'));
  // About a tenth of a second of arithmetic each.
  const job = grid.client.submit({ type: 'WASM', spec: { module, entryPoint: 'fibonacci', params: ['150000000n'] }, array: { count: TASKS } });
  const worker = (await grid.workers()).find(({ kind }) => kind === 'browser');
  const isTab = ({ id }: { id: string }): boolean => id === worker?.id;
  const pausing = (async () => {
    await grid.until((view) => isTab(view) && view.tasksDone >= 3 && view.running > 0);
    const pausedAtMs = Date.now();
    await tab.page.getByRole('button', { name: 'Pause' }).click();
    await grid.until((view) => isTab(view) && view.state === 'draining' && view.running === 0, 5_000);
    expect(Date.now() - pausedAtMs).toBeLessThan(1_000);
    const { counts } = await grid.client.call('jobs.get', { id: await job.id });
    return { pausedAtMs, left: counts.total - counts.succeeded };
  })();
  const [{ tasks, twice }, { pausedAtMs, left }] = await Promise.all([deliver(job), pausing]);
  expect((await job).job.counts).toMatchObject({ total: TASKS, succeeded: TASKS, failed: 0 });
  expect(tasks.size).toBe(TASKS);
  expect(twice).toBe(0);
  expect(left).toBeGreaterThan(0);
  const byTab = [...tasks.values()].filter((task) => task.worker === worker?.id);
  expect(byTab.length).toBeGreaterThanOrEqual(3);
  expect(byTab.filter(({ endedAtMs }) => (endedAtMs ?? 0) > pausedAtMs + 1_000)).toEqual([]);
  // What was given back counts against no task.
  expect([...tasks.values()].filter(({ error }) => error !== null)).toEqual([]);
  await tab.close();
});
