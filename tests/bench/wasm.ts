// What a short task costs around its work: 1,000 WASM tasks of about 10 ms on one native worker and in one tab. Efficiency is the time the
// programs ran divided by the time the slots were held for them.
import type { Job } from '@udcs/protocol';
import { attemptsOf } from '../../scripts/demo/tally.ts';
import { fixture, TestGrid } from '../harness/grid.ts';
import { deliver } from '../harness/stream.ts';
import { describeMachine, median, quantile, writeReport } from './machine.ts';

const TASKS = 1_000;
/** Lines of text that gzip.wasm takes about 10 ms to compress on a core of 2020's. */
const LINES = 9_000;

const grid = await TestGrid.start(['--no-dashboard']);
const rows = [];
try {
  const module = await grid.client.artifacts.put(fixture('wasm/gzip.wasm'));
  const input = await grid.client.artifacts.put(new Uint8Array(Buffer.from('the quick brown fox jumps over the lazy dog\n'.repeat(LINES))));
  for (const kind of ['native', 'browser'] as const) {
    if (kind === 'native') await grid.worker({ name: 'bench', args: ['--slots', '2'] });
    else if ((await grid.tab('bench', 'cores=2&gpu=0&data=10000&battery=1')) === null) continue;
    const job: Job = {
      type: 'WASM',
      spec: { module: module.digest },
      array: { count: TASKS },
      inputs: [{ name: 'text', source: { digest: input.digest }, path: '/dev/stdin' }],
      outputs: [{ name: 'gz', path: '/dev/stdout' }],
      requires: [{ attr: 'kind', op: '=', value: kind }],
    };
    await grid.client.submit({ ...job, array: { count: 50 } }); // warms module cache and artifact cache, as a long job would
    const startedMs = performance.now();
    const handle = grid.client.submit(job);
    await deliver(handle);
    const elapsedMs = performance.now() - startedMs;
    const walls = (await attemptsOf(grid.client, await handle.id)).map((attempt) => attempt.usage?.wallMs ?? 0);
    const efficiency = walls.reduce((sum, ms) => sum + ms, 0) / (2 * elapsedMs);
    rows.push({ kind, tasks: TASKS, slots: 2, seconds: elapsedMs / 1000, programMs: { p50: median(walls), p99: quantile(walls, 0.99) }, efficiency });
    console.log(
      `${kind.padEnd(8)} ${TASKS} tasks of ${median(walls).toFixed(1)} ms on 2 slots in ${(elapsedMs / 1000).toFixed(1)} s: efficiency ${(efficiency * 100).toFixed(0)} %`,
    );
  }
  writeReport('wasm', { machine: describeMachine(grid.processes.folder), rows });
} finally {
  await grid.stop();
}
