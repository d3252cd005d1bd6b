// A tab and a native worker share one job; the same module gives the same bytes on both, and when run directly.
import { createHash } from 'node:crypto';
import type { Job } from '@udcs/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';
import { runDirectly } from '../harness/run-directly.ts';
import { needsChromium } from '../harness/skip.ts';
import { deliver } from '../harness/stream.ts';

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start();
  await grid.worker({ name: 'native' });
});
afterAll(() => grid?.stop());

const TASKS = 200;
const text = Buffer.from('the quick brown fox jumps over the lazy dog\n'.repeat(20_000));

async function gzipJob(extra: Partial<Job> = {}): Promise<Job> {
  const module = await grid.client.artifacts.put(fixture('wasm/gzip.wasm'));
  const input = await grid.client.artifacts.put(new Uint8Array(text));
  return {
    type: 'WASM',
    spec: { module: module.digest },
    inputs: [{ name: 'text', source: { digest: input.digest }, path: '/dev/stdin' }],
    outputs: [{ name: 'gz', path: '/dev/stdout' }],
    ...extra,
  };
}

it('a tab and a native worker share one job, and each does at least a tenth of it', async (context) => {
  await needsChromium(context);
  const tab = await grid.tab('sharer');
  // A first task on each side fetches and compiles: a long job would not notice, one of seconds does.
  for (const kind of ['browser', 'native'])
    await grid.client.submit(await gzipJob({ array: { count: 8 }, requires: [{ attr: 'kind', op: '=', value: kind }] }));
  const job = grid.client.submit(await gzipJob({ array: { count: TASKS } }));
  const { tasks, twice } = await deliver(job);
  const result = await job;
  const workers = await grid.workers();
  const kindOf = new Map(workers.map((worker) => [worker.id, worker.kind]));
  const byTab = [...tasks.values()].filter((task) => kindOf.get(task.worker as never) === 'browser').length;
  await tab?.close();
  expect(result.job.counts).toMatchObject({ total: TASKS, succeeded: TASKS });
  expect(tasks.size).toBe(TASKS);
  expect(twice).toBe(0);
  expect(byTab).toBeGreaterThanOrEqual(TASKS / 10);
  expect(TASKS - byTab).toBeGreaterThanOrEqual(TASKS / 10);
}, 120_000);

it('one module gives one digest in a tab, in a native worker and when run directly', async (context) => {
  await needsChromium(context);
  const tab = await grid.tab('digest');
  const digests = new Set<string>();
  for (const kind of ['browser', 'native']) {
    const job = grid.client.submit(await gzipJob({ requires: [{ attr: 'kind', op: '=', value: kind }] }));
    const [task] = await (await job).tasks();
    digests.add(task?.outputs['gz']?.digest ?? `none from ${kind}`);
  }
  digests.add(
    `sha256:${createHash('sha256')
      .update(await runDirectly(fixture('wasm/gzip.wasm'), 'gzip', text))
      .digest('hex')}`,
  );
  await tab?.close();
  expect([...digests]).toHaveLength(1);
}, 120_000);
