// What a short task costs around its work: 1,000 WASM tasks of about 10 ms on one native worker and in one tab. Efficiency is the time the
// programs ran divided by the time of the slots that the worker lent: a tab lends fewer while other programs press its machine. Before
// that, the time from the start of the worker (of the whole browser, for a tab: fresh profile, page, click) to its first accepted result.
import type { Job, WorkerView } from '@udcs/protocol';
import { attemptsOf } from '../../scripts/demo/tally.ts';
import { fixture, TestGrid } from '../harness/grid.ts';
import { deliver } from '../harness/stream.ts';
import { describeMachine, median, quantile, writeReport } from './machine.ts';

const TASKS = 1_000;
const SLOTS = 2;
/** Lines of text that gzip.wasm takes about 10 ms to compress on a core of 2020's. */
const LINES = 9_000;

/** How many slots the worker of this kind lends, on the mean over the time until asked, by its own renewals. */
function lentSlots(kind: WorkerView['kind']): { mean: () => Promise<number> } {
  const stop = new AbortController();
  const seen: number[] = [];
  const watching = (async () => {
    for await (const { workers } of grid.client.subscribe('workers.changes', {}, { signal: stop.signal }))
      for (const worker of workers) if (worker.kind === kind && worker.load !== null) seen.push(worker.load.throttle * SLOTS);
  })().catch(() => undefined); // ends by the abort
  return {
    mean: async () => {
      stop.abort();
      await watching;
      return seen.length === 0 ? SLOTS : seen.reduce((sum, slots) => sum + slots, 0) / seen.length;
    },
  };
}

const grid = await TestGrid.start(['--no-dashboard']);
const rows = [];
try {
  const module = await grid.client.artifacts.put(fixture('wasm/gzip.wasm'));
  const input = await grid.client.artifacts.put(new Uint8Array(Buffer.from('the quick brown fox jumps over the lazy dog\n'.repeat(LINES))));
  for (const kind of ['native', 'browser'] as const) {
    const job: Job = {
      type: 'WASM',
      spec: { module: module.digest },
      array: { count: TASKS },
      inputs: [{ name: 'text', source: { digest: input.digest }, path: '/dev/stdin' }],
      outputs: [{ name: 'gz', path: '/dev/stdout' }],
      requires: [{ attr: 'kind', op: '=', value: kind }],
    };
    // Waits for the worker, so that its first result is the first one accepted.
    const first = grid.client.submit({ ...job, array: { count: 1 } });
    await first.id;
    const openedMs = performance.now();
    if (kind === 'native') await grid.worker({ name: 'bench', args: ['--slots', '2'] });
    else if ((await grid.tab('bench', 'cores=2&gpu=0&data=10000&battery=1')) === null) {
      console.log('browser  skipped: no Chromium is installed');
      await first.cancel();
      continue;
    }
    await first;
    const firstResultMs = performance.now() - openedMs;
    await grid.client.submit({ ...job, array: { count: 50 } }); // warms module cache and artifact cache, as a long job would
    const lent = lentSlots(kind);
    const startedMs = performance.now();
    const handle = grid.client.submit(job);
    await deliver(handle);
    const elapsedMs = performance.now() - startedMs;
    const slots = await lent.mean();
    const walls = (await attemptsOf(grid.client, await handle.id)).map((attempt) => attempt.usage?.wallMs ?? 0);
    const efficiency = walls.reduce((sum, ms) => sum + ms, 0) / (slots * elapsedMs);
    rows.push({
      kind,
      tasks: TASKS,
      slots,
      firstResultMs,
      seconds: elapsedMs / 1000,
      programMs: { p50: median(walls), p99: quantile(walls, 0.99) },
      efficiency,
    });
    console.log(
      `${kind.padEnd(8)} ${TASKS} tasks of ${median(walls).toFixed(1)} ms on ${slots.toFixed(2)} of ${SLOTS} slots in ${(elapsedMs / 1000).toFixed(1)} s: efficiency ${(efficiency * 100).toFixed(0)} %; start to first result ${(firstResultMs / 1000).toFixed(1)} s`,
    );
  }
  writeReport('wasm', { machine: describeMachine(grid.processes.folder), rows });
} finally {
  await grid.stop();
}
