// Our side of the dispatch bench: the shipped coordinator and agent as processes, the shipped SDK here. MOCK tasks that take no time.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { connect, type Grid } from '@udcs/client';
import type { Job } from '@udcs/protocol';
import { freePort, Processes, type Running, root } from '../harness/processes.ts';
import type { CpuBySide, Round } from './dispatch.ts';
import { cpuMsOf, quantile } from './machine.ts';

/** The store's own driver, to read back beside the coordinator what stands in its file. */
const Database = createRequire(join(root, 'server/package.json'))('libsql') as new (
  path: string,
) => { prepare(sql: string): { all(): unknown[] }; close(): void };

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

/** Takes none of the machine, so that slots alone bound how many run at a time. */
const resources = { cpus: 0, memoryBytes: 0, diskBytes: 0 };
const noop = (): Job => ({ type: 'MOCK', spec: { runMs: 0 }, resources, labels: { payload: PAYLOAD }, idempotencyKey: randomUUID() });

export async function startUdcs(folder: string): Promise<Udcs> {
  const processes = new Processes(join(folder, 'udcs'), await freePort(), ['--no-dashboard', '--allow-mock']);
  const coordinator = await processes.coordinator();
  const grid = connect({ url: coordinator.listening.url, token: readFileSync(coordinator.listening.adminTokenFile, 'utf8').trim() });
  let workers: Running[] = [];
  const cpuNow = (): CpuBySide => ({ server: cpuMsOf([coordinator.pid]), worker: cpuMsOf(workers.map(({ pid }) => pid)), client: cpuMsOf([process.pid]) });

  async function useWorkers(count: number, slots: number): Promise<void> {
    for (const worker of workers) await processes.kill(worker);
    const joining = online(grid, count);
    const folderOf = join(folder, `workers-${count}x${slots}`);
    const crowd = join(root, 'tests/bench/many-workers.ts');
    workers = [processes.start('workers', ['--import', 'tsx', crowd, coordinator.listening.joinUrl, String(count), String(slots), folderOf])];
    await joining;
  }
  await useWorkers(1, 512);

  let stored = 0;
  /** Every task of every round must stand in the database as succeeded, once. */
  function readBack(tasks: number): void {
    stored += tasks;
    const database = new Database(`file:${join(folder, 'udcs', 'data', 'udcs.db')}?mode=ro`);
    const [row] = database.prepare("select count(*) as rows from task where state = 'succeeded'").all() as { rows: number }[];
    database.close();
    if (row?.rows !== stored) throw new Error(`the database holds ${row?.rows} succeeded tasks instead of ${stored}`);
  }

  async function measured(tasks: number, run: () => Promise<number[] | null>): Promise<Round> {
    const before = cpuNow();
    const startedMs = performance.now();
    const latencies = await run();
    const seconds = (performance.now() - startedMs) / 1000;
    const after = cpuNow();
    readBack(tasks);
    const usPerTask = (side: keyof CpuBySide): number => ((after[side] - before[side]) * 1000) / tasks;
    const cpuUs = { server: usPerTask('server'), worker: usPerTask('worker'), client: usPerTask('client') };
    return {
      perSecond: tasks / seconds,
      cpuUsPerTask: cpuUs.server + cpuUs.worker + cpuUs.client,
      cpuUs,
      p50Ms: latencies === null ? null : quantile(latencies, 0.5),
      p99Ms: latencies === null ? null : quantile(latencies, 0.99),
    };
  }

  return {
    durability: 'SQLite WAL, synchronous=FULL read back at every start (it refuses to run otherwise), submit and result acknowledged after their commit',
    useWorkers,
    batched: (tasks) => measured(tasks, () => stream(grid, tasks, BATCH)),
    single: (tasks) => measured(tasks, () => stream(grid, tasks, 1)),
    oneAtATime: (tasks) => measured(tasks, () => oneByOne(grid, tasks)),
    async stop() {
      await grid.close();
      await processes.stopAll();
    },
  };
}

/** Milliseconds from each submit to its result, with nothing else under way. */
async function oneByOne(grid: Grid, tasks: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let at = 0; at < tasks; at++) {
    const startedMs = performance.now();
    await grid.submit(noop());
    latencies.push(performance.now() - startedMs);
  }
  return latencies;
}

/** Submits `tasks` distinct jobs, `batch` per request, and waits until every result has been seen here. */
async function stream(grid: Grid, tasks: number, batch: number): Promise<null> {
  let inFlight = 0;
  let seen = 0;
  let onSeen = (): void => undefined;
  let onBroken: (error: unknown) => void = () => undefined;
  const broken = new Promise<never>((_, reject) => {
    onBroken = reject;
  });
  const landed = (): void => {
    inFlight -= 1;
    seen += 1;
    onSeen();
  };
  const until = async (done: () => boolean): Promise<void> => {
    while (!done())
      await Promise.race([
        new Promise<void>((resolve) => {
          onSeen = resolve;
        }),
        broken,
      ]);
  };
  for (let at = 0; at < tasks; at += batch) {
    await until(() => inFlight + batch <= IN_FLIGHT);
    const jobs = Array.from({ length: Math.min(batch, tasks - at) }, noop);
    inFlight += jobs.length;
    // Jobs of one tick travel together: the loop's await makes each round a request of its own.
    for (const handle of grid.submitMany(jobs)) handle.then(landed, onBroken);
    await Promise.resolve();
  }
  await until(() => seen === tasks);
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
