// What a durable row costs: groups of 500 distinct jobs submitted and settled, acknowledged after the commit with synchronous=FULL;
// and how long a start takes with 100,000 queued tasks. Run: npx tsx --conditions=udcs-source tests/bench/store.ts [--json]
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { counted, settled, submitRow } from '../../server/src/store/fixture.ts';
import { openStore, type Store } from '../../server/src/store/open-store.ts';

const GROUP = 500;
const GROUPS = 60;
const ROUNDS = 5;
const QUEUED = 100_000;

interface Measured {
  readonly rowsPerSecond: number;
  readonly cpuMicrosPerRow: number;
}

async function measured(rows: number, work: () => Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  return { rowsPerSecond: Math.round(rows / (wallMs / 1000)), cpuMicrosPerRow: Math.round(((user + system) / rows) * 10) / 10 };
}

const payload = 'x'.repeat(200);
const rowsOf = (round: string) =>
  Array.from({ length: GROUP }, (_, at) => submitRow({ variants: [{ type: 'MOCK', spec: { payload }, requires: [] }] }, { key: `${round}/${at}` }));

async function round(store: Store, name: string): Promise<{ submit: Measured; settle: Measured }> {
  const groups = Array.from({ length: GROUPS }, (_, at) => rowsOf(`${name}/${at}`));
  const submit = await measured(GROUP * GROUPS, async () => {
    for (const group of groups) await store.writer.submit(group);
  });
  const settle = await measured(GROUP * GROUPS, async () => {
    for (const group of groups) {
      const facts = group.flatMap(({ job: { id } }) => [settled(id, 0, 1), counted(id, 1, { succeeded: 1, endedAtMs: 2 })]);
      const refused = await store.writer.write(facts);
      if (refused.length > 0) throw new Error(`${refused.length} facts refused`);
    }
  });
  return { submit, settle };
}

/** Milliseconds of a 4 KiB append + fdatasync. */
function probeFsync(dir: string): { p50Ms: number; p99Ms: number } {
  const file = openSync(join(dir, 'probe'), 'w');
  const block = Buffer.alloc(4096);
  const times = Array.from({ length: 200 }, () => {
    const startMs = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - startMs;
  }).sort((a, b) => a - b);
  closeSync(file);
  return { p50Ms: times[100] ?? 0, p99Ms: times[198] ?? 0 };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const spread = (values: readonly number[]): string => `${median(values)} (${Math.min(...values)}–${Math.max(...values)})`;

const dataDir = mkdtempSync(join(tmpdir(), 'udcs-bench-'));
const onFatal = (error: Error): never => {
  throw error;
};
const fsync = probeFsync(dataDir);
let store = await openStore({ dataDir, onFatal });
const [
  {
    rows: [pragma],
  } = { rows: [] },
] = await store.writer.change([{ sql: 'select synchronous from pragma_synchronous', args: [] }]);
await round(store, 'warm');
const rounds: Awaited<ReturnType<typeof round>>[] = [];
for (let at = 0; at < ROUNDS; at++) rounds.push(await round(store, String(at)));
for (let at = 0; at < QUEUED / GROUP; at++) await store.writer.submit(rowsOf(`queued/${at}`));
await store.close();
store = await openStore({ dataDir, onFatal });
const bootStartMs = performance.now();
const { jobs } = await store.writer.boot();
const bootMs = Math.round(performance.now() - bootStartMs);
await store.close();
rmSync(dataDir, { recursive: true, force: true });

const submit = rounds.map((one) => one.submit);
const settle = rounds.map((one) => one.settle);
const report = { group: GROUP, synchronous: pragma?.['synchronous'], fsync, submit, settle, boot: { queuedJobs: jobs.length, ms: bootMs } };
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  process.stdout.write(
    `groups of ${GROUP}, synchronous=${report.synchronous} (2 = FULL), fdatasync p50 ${fsync.p50Ms.toFixed(2)} ms, p99 ${fsync.p99Ms.toFixed(2)} ms\n`,
  );
  for (const [name, figures] of [
    ['submit', submit],
    ['settle', settle],
  ] as const) {
    process.stdout.write(
      `${name}: ${spread(figures.map((one) => one.rowsPerSecond))} rows/s, ${spread(figures.map((one) => one.cpuMicrosPerRow))} µs CPU a row (all threads)\n`,
    );
  }
  process.stdout.write(`start with ${jobs.length} queued jobs: ${bootMs} ms\n`);
}
