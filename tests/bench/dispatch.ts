// Durable no-op tasks through the shipped coordinator, agent and SDK in three processes, beside BullMQ on Redis in the same run. Every
// result is seen by the submitter; the row count is read back at the end. Rounds alternate; medians and ranges are reported, never the best.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bullmqRound, startRedis } from './dispatch-bullmq.ts';
import { startUdcs } from './dispatch-udcs.ts';
import { describeMachine, median, writeReport } from './machine.ts';

const TASKS = Number(process.env['UDCS_BENCH_TASKS'] ?? 20_000);
const ROUNDS = Number(process.env['UDCS_BENCH_ROUNDS'] ?? 5);

export interface CpuBySide {
  readonly server: number;
  readonly worker: number;
  readonly client: number;
}

export interface Round {
  readonly perSecond: number;
  /** CPU of server, worker and client together. */
  readonly cpuUsPerTask: number;
  readonly cpuUs: CpuBySide;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

const folder = mkdtempSync(join(tmpdir(), 'udcs-bench-'));
const machine = describeMachine(folder);
console.log(
  `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${machine.fileSystem}, fdatasync p50 ${machine.fsyncMs.p50.toFixed(2)} ms p99 ${machine.fsyncMs.p99.toFixed(2)} ms`,
);

const rows = new Map<string, Round[]>();
const add = (name: string, round: Round): void => {
  rows.set(name, [...(rows.get(name) ?? []), round]);
  const latency = round.p50Ms === null ? '' : `  p50 ${round.p50Ms.toFixed(2)} ms  p99 ${round.p99Ms?.toFixed(2)} ms`;
  console.log(
    `${name.padEnd(44)} ${Math.round(round.perSecond).toLocaleString('en').padStart(8)} tasks/s  ${round.cpuUsPerTask.toFixed(0).padStart(5)} µs CPU/task (${sides(round.cpuUs)})${latency}`,
  );
};

const sides = ({ server, worker, client }: CpuBySide): string => `server ${server.toFixed(0)} + worker ${worker.toFixed(0)} + client ${client.toFixed(0)}`;

const udcs = await startUdcs(folder);
const everysec = await startRedis(folder, 'everysec');
const always = await startRedis(folder, 'always');
try {
  for (let round = 0; round < ROUNDS; round++) {
    add('UDCS batched (submitMany 500, 1 × 512 slots)', await udcs.batched(TASKS));
    if (everysec !== null) add('BullMQ everysec (addBulk 1000)', await bullmqRound(everysec, TASKS));
    add('UDCS single submits (1 × 512 slots)', await udcs.single(TASKS));
    if (always !== null) add('BullMQ always (addBulk 1000)', await bullmqRound(always, TASKS));
    add('UDCS one at a time', await udcs.oneAtATime(300));
  }
  await udcs.useWorkers(200, 4);
  for (let round = 0; round < ROUNDS; round++) add('UDCS batched, 200 workers × 4 slots', await udcs.batched(TASKS));
} finally {
  await udcs.stop();
  await everysec?.stop();
  await always?.stop();
  rmSync(folder, { recursive: true, force: true });
}

const summary = [...rows].map(([name, rounds]) => ({
  name,
  rounds: rounds.length,
  perSecond: spread(rounds.map((round) => round.perSecond)),
  cpuUsPerTask: spread(rounds.map((round) => round.cpuUsPerTask)),
  cpuUs: {
    server: median(rounds.map((round) => round.cpuUs.server)),
    worker: median(rounds.map((round) => round.cpuUs.worker)),
    client: median(rounds.map((round) => round.cpuUs.client)),
  },
  p50Ms: rounds[0]?.p50Ms === null ? null : spread(rounds.map((round) => round.p50Ms ?? Number.NaN)),
  p99Ms: rounds[0]?.p99Ms === null ? null : spread(rounds.map((round) => round.p99Ms ?? Number.NaN)),
}));

function spread(samples: readonly number[]): { median: number; min: number; max: number } {
  return { median: median(samples), min: Math.min(...samples), max: Math.max(...samples) };
}

const batched = rows.get('UDCS batched (submitMany 500, 1 × 512 slots)') ?? [];
const ratios = ['BullMQ everysec (addBulk 1000)', 'BullMQ always (addBulk 1000)'].flatMap((name) => {
  const peer = rows.get(name);
  return peer === undefined ? [] : [{ peer: name, throughput: spread(batched.map((round, at) => round.perSecond / (peer[at]?.perSecond ?? Number.NaN))) }];
});
console.log('');
for (const row of summary)
  console.log(
    `${row.name.padEnd(44)} median ${Math.round(row.perSecond.median).toLocaleString('en')} tasks/s (${Math.round(row.perSecond.min).toLocaleString('en')}–${Math.round(row.perSecond.max).toLocaleString('en')}), ${row.cpuUsPerTask.median.toFixed(0)} µs CPU/task (${sides(row.cpuUs)})`,
  );
for (const ratio of ratios)
  console.log(`UDCS batched / ${ratio.peer}: ${ratio.throughput.median.toFixed(2)} × (${ratio.throughput.min.toFixed(2)}–${ratio.throughput.max.toFixed(2)})`);
writeReport('dispatch', {
  machine,
  tasksPerRound: TASKS,
  durability: {
    udcs: udcs.durability,
    bullmqEverysec: 'Redis AOF, fsync once a second: not durable at the acknowledgement',
    bullmqAlways: 'Redis AOF, fsync before the acknowledgement',
  },
  versions: { bullmq: everysec?.version ?? null, redis: everysec?.redis ?? null },
  summary,
  ratios,
});
