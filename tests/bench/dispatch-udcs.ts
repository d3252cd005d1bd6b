// Our side of the dispatch bench: the shipped coordinator and agent as processes, the shipped SDK here. MOCK tasks that take no time.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Grid } from '@udcs/client';
import type { Job } from '@udcs/protocol';
import { freePort, Processes, type Running, root } from '../harness/processes.ts';
import type { Round } from './dispatch.ts';
import { cpuMsOf, quantile } from './machine.ts';

const BATCH = 500;
const PAYLOAD = 'x'.repeat(200);
/** Jobs on their way at a time: enough to keep 512 slots busy, as a program that submits a stream would. */
const IN_FLIGHT = 4_000;

export interface Udcs {
  readonly durability: string;
  batched(tasks: number): Promise<Round>;
  single(tasks: number): Promise<Round>;
  oneAtATime(tasks: number): Promise<Round>;
  useWorkers(count: number, slots: number): Promise<void>;
  stop(): Promise<void>;
}

const noop = (): Job => ({ type: 'MOCK', spec: { runMs: 0 }, labels: { payload: PAYLOAD }, idempotencyKey: randomUUID() });

export async function startUdcs(folder: string): Promise<Udcs> {
  const processes = new Processes(join(folder, 'udcs'), await freePort(), ['--no-dashboard', '--allow-mock']);
  const coordinator = await processes.coordinator();
  const grid = connect({ url: coordinator.listening.url, token: readFileSync(coordinator.listening.adminTokenFile, 'utf8').trim() });
  let workers: Running[] = [];
  const pids = (): number[] => [coordinator.pid, process.pid, ...workers.map(({ pid }) => pid)];

  async function useWorkers(count: number, slots: number): Promise<void> {
    for (const worker of workers) await processes.kill(worker);
    const joining = online(grid, count);
    const folderOf = join(folder, `workers-${count}x${slots}`);
    workers = [
      processes.start('workers', [
        '--import',
        'tsx',
        join(root, 'tests/bench/many-workers.ts'),
        coordinator.listening.joinUrl,
        String(count),
        String(slots),
        folderOf,
      ]),
    ];
    await joining;
  }
  await useWorkers(1, 512);

  async function measured(tasks: number, run: () => Promise<number[] | null>): Promise<Round> {
    const cpuBefore = cpuMsOf(pids());
    const startedMs = performance.now();
    const latencies = await run();
    const seconds = (performance.now() - startedMs) / 1000;
    const cpuMs = cpuMsOf(pids()) - cpuBefore;
    return {
      perSecond: tasks / seconds,
      cpuUsPerTask: (cpuMs * 1000) / tasks,
      p50Ms: latencies === null ? null : quantile(latencies, 0.5),
      p99Ms: latencies === null ? null : quantile(latencies, 0.99),
    };
  }

  return {
    durability: 'SQLite WAL, synchronous=FULL, submit and result acknowledged after their commit',
    useWorkers,
    batched: (tasks) => measured(tasks, () => stream(grid, tasks, BATCH)),
    single: (tasks) => measured(tasks, () => stream(grid, tasks, 1)),
    oneAtATime: (tasks) =>
      measured(tasks, async () => {
        const latencies: number[] = [];
        for (let at = 0; at < tasks; at++) {
          const startedMs = performance.now();
          await grid.submit(noop());
          latencies.push(performance.now() - startedMs);
        }
        return latencies;
      }),
    async stop() {
      await grid.close();
      await processes.stopAll();
    },
  };
}

/** Submits `tasks` distinct jobs, `batch` per call, and waits until every result has been seen here. */
async function stream(grid: Grid, tasks: number, batch: number): Promise<null> {
  const waiting = new Set<Promise<unknown>>();
  for (let at = 0; at < tasks; at += batch) {
    const jobs = Array.from({ length: Math.min(batch, tasks - at) }, noop);
    const done = Promise.all(
      batch === 1
        ? jobs.map((job) => grid.call('jobs.submit', { job }).then(({ id }) => grid.job(id).then()))
        : grid.submitMany(jobs).map((handle) => handle.then()),
    );
    waiting.add(done);
    void done.finally(() => waiting.delete(done));
    if (waiting.size * batch >= IN_FLIGHT) await Promise.race(waiting);
  }
  await Promise.all(waiting);
  return null;
}

async function online(grid: Grid, count: number): Promise<void> {
  const seen = new Set<string>();
  for await (const change of grid.subscribe('workers.changes', {}, { signal: AbortSignal.timeout(120_000) })) {
    for (const worker of change.workers) if (worker.state === 'online') seen.add(worker.id);
    for (const id of change.gone) seen.delete(id);
    if (seen.size >= count) return;
  }
}
