// kill -9 of whoever is at work, in the middle of a job: it completes, and every task counts exactly once. Judged by the client's stream
// and the workers' own execution logs, not by the database.
import type { Job } from '@udcs/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';
import { needsChromium } from '../harness/skip.ts';
import { deliver, once } from '../harness/stream.ts';

const TASKS = 300;
let grid: TestGrid;

beforeEach(async () => {
  grid = await TestGrid.start();
});
afterEach(() => grid?.stop());

async function longJob(): Promise<Job> {
  const module = await grid.client.artifacts.put(fixture('wasm/gzip.wasm'));
  const input = await grid.client.artifacts.put(new Uint8Array(Buffer.from('a line that repeats, but not for ever\n'.repeat(20_000))));
  return {
    type: 'WASM',
    spec: { module: module.digest },
    array: { count: TASKS },
    inputs: [{ name: 'text', source: { digest: input.digest }, path: '/dev/stdin' }],
    outputs: [{ name: 'gz', path: '/dev/stdout' }],
  };
}

it('kill -9 of a native worker in mid-job', async () => {
  const victim = await grid.worker({ name: 'victim' });
  await grid.worker({ name: 'survivor' });
  const job = grid.client.submit(await longJob());
  const kill = once(() => grid.processes.kill(victim));
  const { tasks, twice } = await deliver(job, (done) => (done >= TASKS / 4 ? kill() : undefined));
  expect((await job).job.counts).toMatchObject({ total: TASKS, succeeded: TASKS, failed: 0 });
  expect(tasks.size).toBe(TASKS);
  expect(twice).toBe(0);
  const started = grid.executions('victim').filter(({ event }) => event === 'started').length;
  expect(started).toBeGreaterThan(0);
}, 120_000);

it('kill -9 of the coordinator in mid-job: workers keep their attempts and finish them', async () => {
  await grid.worker({ name: 'native' });
  const job = grid.client.submit(await longJob());
  const kill = once(async () => {
    await grid.processes.kill(grid.coordinator);
    await grid.restartCoordinator();
  });
  const { tasks, twice } = await deliver(job, (done) => (done >= TASKS / 4 ? kill() : undefined));
  expect((await job).job.counts).toMatchObject({ total: TASKS, succeeded: TASKS, failed: 0 });
  expect(tasks.size).toBe(TASKS);
  expect(twice).toBe(0);
  // What was acknowledged before the kill was not made again: the worker's own log has at most its slots' worth of repeats.
  const finished = grid.executions('native').filter(({ event, outcome }) => event === 'finished' && outcome === 'succeeded');
  expect(new Set(finished.map(({ task }) => task)).size).toBe(TASKS);
}, 120_000);

it('closing the tab in mid-job hands its work back', async (context) => {
  await needsChromium(context);
  await grid.worker({ name: 'native' });
  const tab = await grid.tab('leaver');
  const job = grid.client.submit(await longJob());
  const close = once(async () => tab?.close());
  const { tasks, twice } = await deliver(job, (done) => (done >= TASKS / 4 ? close() : undefined));
  expect((await job).job.counts).toMatchObject({ total: TASKS, succeeded: TASKS, failed: 0 });
  expect(tasks.size).toBe(TASKS);
  expect(twice).toBe(0);
}, 120_000);
