// The core alone: how many placements a second it makes with 10^5 tasks on 10^4 different workers, whether that depends on the size of
// the fleet, and what a queued task weighs. Every match is checked against the naive predicate, outside the timed part.
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Capabilities, type HostId, type Job, type JobId, type JobSpec, normalizeJob, type TaskTypeName, type WorkerId } from '@udcs/protocol';
import { apply, createFleet, type Fleet, type Outcome, place } from '@udcs/server/core';
import { describeMachine, median, writeReport } from './machine.ts';
import { naivelyFits } from './naive-match.ts';

const TASKS = 100_000;
const WORKERS = 10_000;
const BUDGET_PER_SECOND = 500_000;
const BUDGET_TASK_BYTES = 400;
const GB = 1_000_000_000;
const now = { monoMs: 1_000, wallMs: 1_700_000_000_000 };

const RUNTIMES: readonly TaskTypeName[] = ['WASM', 'WGSL_KERNEL', 'CUDA_KERNEL', 'ROCM_KERNEL', 'METAL_KERNEL', 'OPENCL_KERNEL', 'NATIVE_EXEC', 'DOCKER'];
const SYSTEMS = ['linux', 'darwin', 'win32'];
const ARCHES = ['x64', 'arm64'];
const pad = (value: number): string => String(value).padStart(26, '0');
const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

/** Deterministic spread: neighbours differ in everything. */
const mixed = (index: number, salt: number): number => Math.abs(Math.imul(index + 1, 2_654_435_761) ^ Math.imul(salt, 40_503)) >>> 3;

function capabilitiesOf(index: number, slots: number): Capabilities {
  const types = RUNTIMES.filter((_, kind) => kind === 0 || mixed(index, kind) % 3 === 0);
  const vramBytes = at([0, 4, 8, 16, 24], mixed(index, 20)) * GB;
  return {
    types,
    untrustedTypes: types,
    attributes: {
      'os.name': at(SYSTEMS, mixed(index, 30)),
      arch: at(ARCHES, mixed(index, 31)),
      'cuda.compute': at([6, 7, 8, 9], mixed(index, 32)),
      limits: 'enforced',
    },
    devices: vramBytes === 0 ? [] : [{ id: '0', kind: 'gpu', name: 'gpu', provenance: 'declared', vramBytes }],
    pools: { slots, cpus: slots, memoryBytes: at([4, 8, 16, 32, 64], mixed(index, 33)) * GB, diskBytes: 100 * GB },
  };
}

function jobOf(index: number, count: number): Job {
  const type = at(RUNTIMES, mixed(index, 1) % 4 === 0 ? mixed(index, 2) : 0);
  const requires: NonNullable<Job['requires']> = [];
  if (mixed(index, 3) % 3 === 0) requires.push({ attr: 'os.name', op: 'in', value: [at(SYSTEMS, mixed(index, 4)), 'linux'] });
  if (mixed(index, 5) % 4 === 0) requires.push({ attr: 'arch', op: '=', value: at(ARCHES, mixed(index, 6)) });
  if (type === 'CUDA_KERNEL') requires.push({ attr: 'cuda.compute', op: '>=', value: at([6, 7, 8], mixed(index, 7)) });
  return { type, spec: {}, array: { count }, requires, resources: { memoryBytes: at([64, 128, 256], mixed(index, 8)) * 1_000_000, diskBytes: 0 } };
}

function fleetOf(workers: number, slots: number): Fleet {
  const fleet = createFleet({ epoch: 1, seed: 1, types: () => undefined });
  const load = { cpuOthers: 0, memoryFreeBytes: GB, diskFreeBytes: GB, battery: null, throttle: 1, devices: [] };
  for (let index = 0; index < workers; index++) {
    const worker: WorkerId = `wkr_${pad(index)}`;
    const host: HostId = `hst_${pad(index)}`;
    const introduction = { worker, host, kind: 'native' as const, name: `w${index}`, instance: 'a'.repeat(32), software: 'bench', owner: null, network: 'n' };
    apply(
      fleet,
      { type: 'worker.joined', introduction: { ...introduction, capabilities: capabilitiesOf(index, slots), load, cached: [], holding: [], unproven: [] } },
      now,
    );
  }
  place(fleet, now, 1);
  return fleet;
}

interface Submitted {
  readonly specs: readonly JobSpec[];
  readonly perSecond: number;
}

function submit(fleet: Fleet, jobs: number, count: number): Submitted {
  const specs: JobSpec[] = [];
  const records = Array.from({ length: jobs }, (_, index) => {
    const id: JobId = `job_${pad(index)}`;
    const spec = normalizeJob(jobOf(index, count));
    specs.push(spec);
    return { id, owner: `owner-${index % 10}`, spec, submittedAtMs: now.wallMs, upstreamEnded: {} };
  });
  const startedMs = performance.now();
  for (const job of records) apply(fleet, { type: 'job.submitted', job }, now);
  return { specs, perSecond: jobs / ((performance.now() - startedMs) / 1000) };
}

/** CPU time of this thread, its share of garbage collection included: a machine that is busy with other things does not make the core look slow. */
const threadMs = (): number => Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]) / 1e6;

/** Who got what, as numbers: the messages themselves are let go, as the server lets go of them once they are sent. */
class Matches {
  size = 0;
  private readonly numbers = new Int32Array(3 * TASKS);

  add(outcome: Outcome): void {
    for (const { to, message } of outcome.sends) {
      if (message.type !== 'assign') continue;
      for (const { task, index } of message.tasks) this.numbers.set([Number(to.slice(4)), Number(task.slice(4, 30)), index], 3 * this.size++);
    }
  }

  /** Throws at the first match that the naive predicate refuses, or at a task given twice. */
  verify(jobs: readonly JobSpec[], count: number, slots: number): void {
    const given = new Set<number>();
    for (let at = 0; at < this.size; at++) {
      const [worker = -1, job = -1, index = -1] = this.numbers.subarray(3 * at, 3 * at + 3);
      const spec = jobs[job];
      const task = job * count + index;
      if (spec === undefined || given.has(task) || !naivelyFits(spec, capabilitiesOf(worker, slots)))
        throw new Error(`task ${index} of job ${job} must not be on worker ${worker}`);
      given.add(task);
    }
  }
}

interface Placed {
  readonly matches: Matches;
  readonly perSecond: number;
  readonly perWallSecond: number;
  readonly perProcessSecond: number;
}

/** Places until nothing more finds a place; only place() itself is timed. */
function placeAll(fleet: Fleet): Placed {
  const matches = new Matches();
  let threadSpentMs = 0;
  let wallMs = 0;
  let processMs = 0;
  for (;;) {
    const wallFromMs = performance.now();
    const processFrom = process.cpuUsage();
    const threadFromMs = threadMs();
    const outcome = place(fleet, now, 4_096);
    threadSpentMs += threadMs() - threadFromMs;
    wallMs += performance.now() - wallFromMs;
    const { user, system } = process.cpuUsage(processFrom);
    processMs += (user + system) / 1000;
    const before = matches.size;
    matches.add(outcome);
    if (matches.size > before || (outcome.wakeAtMs !== null && outcome.wakeAtMs <= now.monoMs)) continue;
    const perSecond = (ms: number): number => matches.size / (ms / 1000);
    return { matches, perSecond: perSecond(threadSpentMs), perWallSecond: perSecond(wallMs), perProcessSecond: perSecond(processMs) };
  }
}

function scenario(workers: number, jobs: number, count: number, rounds: number) {
  const slots = Math.ceil((TASKS / workers) * 2);
  const runs = Array.from({ length: rounds }, () => {
    const fleet = fleetOf(workers, slots);
    const submitted = submit(fleet, jobs, count);
    const { matches, ...rates } = placeAll(fleet);
    matches.verify(submitted.specs, count, slots);
    return { decisions: matches.size, ...rates, submitsPerSecond: submitted.perSecond, buckets: fleet.buckets.size, classes: fleet.classes.size };
  });
  const rates = runs.map((run) => run.perSecond);
  const last = runs.at(-1);
  const submitsPerSecond = median(runs.map((run) => run.submitsPerSecond));
  return {
    workers,
    jobs,
    tasks: jobs * count,
    ...last,
    perWallSecond: median(runs.map((run) => run.perWallSecond)),
    perProcessSecond: median(runs.map((run) => run.perProcessSecond)),
    perSecond: median(rates),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    submitsPerSecond,
  };
}

const heapBytes = (): number => {
  // Twice: the first round only finds what the second frees.
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

/** Heap of queued tasks that exist as objects (one attempt behind them), and of untouched ones in arrays. */
function taskBytes(): { readonly tried: number; readonly fresh: number } {
  const fleet = createFleet({ epoch: 1, seed: 1, types: () => undefined });
  const job: JobId = `job_${pad(1)}`;
  const spec = normalizeJob({ type: 'MOCK', spec: {}, array: { count: TASKS } });
  const before = heapBytes();
  apply(fleet, { type: 'job.submitted', job: { id: job, owner: 'o', spec, submittedAtMs: 1, upstreamEnded: {} } }, now);
  const fresh = heapBytes() - before;
  const queued = fleet.jobs.get(job);
  const worker: WorkerId = `wkr_${pad(1)}`;
  const introduction = {
    worker,
    host: `hst_${pad(1)}` as HostId,
    kind: 'native' as const,
    name: 'w',
    instance: 'a'.repeat(32),
    software: 'bench',
    owner: null,
    network: 'n',
  };
  const pools = { slots: 4_096, cpus: TASKS, memoryBytes: TASKS * GB, diskBytes: TASKS * GB };
  const capabilities: Capabilities = { types: ['MOCK'], untrustedTypes: ['MOCK'], attributes: {}, devices: [], pools };
  const load = { cpuOthers: 0, memoryFreeBytes: GB, diskFreeBytes: GB, battery: null, throttle: 1, devices: [] };
  while (queued !== undefined && queued.fresh.size > 0) {
    apply(fleet, { type: 'worker.joined', introduction: { ...introduction, capabilities, load, cached: [], holding: [], unproven: [] } }, now);
    const retried = queued.retries;
    queued.retries = null;
    queued.retryCount = 0;
    place(fleet, now, TASKS);
    queued.retries = retried;
    queued.retryCount = [...(retried?.values() ?? [])].reduce((sum, line) => sum + line.tasks.length, 0);
    apply(fleet, { type: 'worker.closed', worker, replaced: true }, now);
    apply(fleet, { type: 'tick' }, { monoMs: now.monoMs + 2_000, wallMs: now.wallMs + 2_000 });
  }
  return { tried: (heapBytes() - before) / TASKS, fresh: fresh / TASKS };
}

const rate = (perSecond: number): string => `${Math.round(perSecond / 1000).toLocaleString('en')} k/s`;

const rows = [scenario(100, 1_000, 100, 3), scenario(1_000, 1_000, 100, 3), scenario(WORKERS, 1_000, 100, 5), scenario(WORKERS, TASKS, 1, 5)];
for (const row of rows) {
  const { workers, jobs, tasks, decisions = 0, buckets = 0, classes = 0 } = row;
  console.log(
    `${workers.toLocaleString('en').padStart(6)} workers (${buckets} buckets) × ${tasks.toLocaleString('en')} tasks in ${jobs.toLocaleString('en')} jobs (${classes} classes): ` +
      `${rate(row.perSecond)} (${rate(row.slowest)} – ${rate(row.fastest)}; by the wall ${rate(row.perWallSecond)}, all threads ${rate(row.perProcessSecond)}), ${decisions.toLocaleString('en')} matches, all verified; submits ${rate(row.submitsPerSecond)}`,
  );
}
const bytes = globalThis.gc === undefined ? null : taskBytes();
console.log(
  bytes === null
    ? 'heap per task: run node with --expose-gc to measure it'
    : `heap per queued task: ${bytes.fresh.toFixed(2)} B in an array, ${bytes.tried.toFixed(0)} B once tried (budget ${BUDGET_TASK_BYTES} B)`,
);
console.log(`budget: ${rate(BUDGET_PER_SECOND)} at ${WORKERS.toLocaleString('en')} workers`);
writeReport('scheduler', {
  machine: describeMachine(tmpdir()),
  budgetPerSecond: BUDGET_PER_SECOND,
  budgetTaskBytes: BUDGET_TASK_BYTES,
  rows,
  taskBytes: bytes,
});
