// Where attempts are accepted, queued, started, stopped and settled. It owns the ledger, the runs and the slots; it knows the
// owner's limits only through `Policy`, and the wire only through the outbox.
import type { Assignment, AttemptRef, Attributes, ErrorCode, JobHeader, JobSpec, Renewal } from '@udcs/protocol';
import { type TaskType, taskTypeOf } from '@udcs/tasks';
import type { CurrentTask, DonationLimits, FinishedAttempt } from '../page/state.ts';
import type { Artifacts } from './artifacts.ts';
import { AttemptRun } from './attempt-run.ts';
import { type Held, Ledger, type Report, refOf } from './ledger.ts';
import type { Outbox } from './outbox.ts';
import { GPU_TYPES } from './probe.ts';
import type { TaskThreads } from './task-threads.ts';

/** terminate() of a busy Worker leaves its core busy for about 1.6 s (measured); its slot counts as used that long. */
const COOLING_MS = 2_000;
/** Shorter tasks never report `started`: their result says it. */
const STARTED_AFTER_MS = 50;
const HISTORY = 200;
/** Runs whose outputs are still on their way up, beyond the slots; past it nothing new starts. */
const UPLOADING = 4;

export interface Policy {
  readonly limits: DonationLimits;
  readonly attributes: Attributes;
  readonly offered: ReadonlySet<string>;
  /** Slots that may be used now; 0 while the owner wants rest. */
  slots(): number;
}

export interface FloorEvents {
  changed(): void;
  /** A GPU device of this tab was lost. */
  deviceLost(): void;
}

interface Job {
  readonly held: Held;
  readonly run: AttemptRun;
  readonly taskType: TaskType;
  preparation: 'none' | 'going' | 'over';
  sentence: string;
}

export class WorkFloor {
  readonly #ledger = new Ledger();
  readonly #outbox: Outbox;
  readonly #threads: TaskThreads;
  readonly #artifacts: Artifacts;
  readonly #policy: Policy;
  readonly #software: string;
  readonly #events: FloorEvents;
  /** In order of arrival. */
  readonly #jobs = new Map<Held, Job>();
  #running = 0;
  #busyMs = 0;
  #busySinceMs = performance.now();
  #cooling = 0;
  #uploading = 0;
  readonly history: FinishedAttempt[] = [];
  /** What ran last, for the line that a person reads. */
  lastTask: { readonly sentence: string; readonly atMs: number } | null = null;
  tasksDone = 0;
  tasksFailed = 0;

  constructor(parts: { outbox: Outbox; threads: TaskThreads; artifacts: Artifacts; policy: Policy; software: string; events: FloorEvents }) {
    this.#outbox = parts.outbox;
    this.#threads = parts.threads;
    this.#artifacts = parts.artifacts;
    this.#policy = parts.policy;
    this.#software = parts.software;
    this.#events = parts.events;
  }

  /** Tasks that run now. */
  get running(): number {
    return this.#running;
  }

  /** Milliseconds that slots were busy, all of them together, since this tab opened. */
  get busyMs(): number {
    return this.#busyMs + this.#running * (performance.now() - this.#busySinceMs);
  }

  assign(headers: readonly JobHeader[], tasks: readonly Assignment[], mac: string): void {
    for (const held of this.#ledger.accept(headers, tasks, mac, performance.now())) {
      const refusal = this.#accept(held);
      if (refusal === null) continue;
      this.#ledger.forget(held.ref);
      if (refusal === 'resting') this.#outbox.add('released', refOf(held.ref));
      else this.#outbox.add('rejected', { ...refOf(held.ref), ...refusal });
    }
    this.pump();
  }

  acknowledge(refs: readonly AttemptRef[]): void {
    for (const ref of refs) {
      const held = this.#ledger.forget(ref);
      if (held?.report?.kind === 'succeeded') this.tasksDone++;
      if (held?.report?.kind === 'failed') this.tasksFailed++;
    }
    this.#events.changed();
  }

  /** Stops them now, running or not, and answers `released`. */
  cancel(refs: readonly AttemptRef[]): void {
    for (const ref of refs) {
      const held = this.#ledger.forget(ref);
      if (held !== undefined) this.#drop(held, 'released');
      this.#outbox.add('released', refOf(ref));
    }
    this.pump();
  }

  /** Gives back what has not started; what has goes on. */
  revoke(refs: readonly AttemptRef[]): void {
    this.cancel(refs.filter((ref) => (this.#ledger.get(ref)?.state ?? 'offered') === 'offered'));
  }

  /** Pause and leave: everything unfinished goes back, finished results stay until they are acknowledged. */
  stopAll(): void {
    this.cancel(
      this.#ledger
        .all()
        .filter((held) => held.state !== 'finished')
        .map((held) => held.ref),
    );
    this.#threads.clear();
  }

  declare(): ReturnType<Ledger['declare']> {
    return this.#ledger.declare();
  }

  /** After a reconnect: void attempts stop, finished ones are reported again. */
  reconcile(adopted: readonly AttemptRef[]): void {
    for (const held of this.#ledger.reconcile(adopted)) this.#drop(held, 'dropped');
    for (const held of this.#ledger.inState('finished')) this.#report(held);
    this.pump();
  }

  /** Cut off for longer than the coordinator waits: everything is void. */
  abandon(): void {
    this.reconcile([]);
  }

  renewals(): Renewal['attempts'] {
    return this.#ledger.all().map((held) => {
      const run = this.#jobs.get(held)?.run;
      const progress = held.state === 'finished' ? 1 : (run?.progress ?? null);
      const note = run?.note ?? null;
      return note === null ? { ...refOf(held.ref), progress } : { ...refOf(held.ref), progress, note };
    });
  }

  currentTasks(): CurrentTask[] {
    return [...this.#jobs.values()]
      .filter(({ held, run }) => held.state === 'running' && !run.freed)
      .map(({ held, run, taskType, sentence }) => ({
        task: held.ref.task,
        attempt: held.ref.attempt,
        type: taskType.type,
        sentence,
        progress: run.progress,
        startedAtMs: performance.timeOrigin + held.sinceMs,
      }));
  }

  /** Starts what fits and prefetches what comes next. */
  pump(): void {
    const slots = this.#policy.slots();
    let ahead = slots + 1;
    for (const job of this.#jobs.values()) {
      if (job.held.state !== 'offered') continue;
      if (job.preparation === 'over' && this.#fits(job, slots)) this.#start(job);
      else if (ahead-- > 0 && job.preparation === 'none') this.#prepare(job);
    }
    this.#events.changed();
  }

  /** null = taken in. */
  #accept(held: Held): { code: ErrorCode; message: string } | 'resting' | null {
    const { limits, offered } = this.#policy;
    if (this.#policy.slots() === 0) return 'resting';
    const { job } = held;
    const type = job.variants[held.assignment.variant]?.type;
    if (type === undefined) return { code: 'UNSUPPORTED', message: `The job has no variant ${held.assignment.variant}.` };
    if (!offered.has(type)) return { code: 'POLICY', message: `This tab does not take ${type} tasks.` };
    if (job.resources.memoryBytes > limits.memoryBytes)
      return { code: 'NO_ROOM', message: `It needs ${job.resources.memoryBytes} bytes of memory, the owner lends ${limits.memoryBytes}.` };
    if (job.resources.cpus > limits.cores) return { code: 'NO_ROOM', message: `It needs ${job.resources.cpus} cores, the owner lends ${limits.cores}.` };
    const taskType = taskTypeOf(type);
    const run = new AttemptRun({
      held,
      taskType,
      artifacts: this.#artifacts,
      threads: this.#threads,
      attributes: this.#policy.attributes,
      gpuShare: limits.gpuShare,
      software: this.#software,
      events: {
        log: (line) => this.#outbox.add('log', { ...refOf(held.ref), ...line }),
        progress: () => this.#events.changed(),
        freed: (killed, deviceLost) => this.#freed(killed, deviceLost),
        ended: (report) => this.#ended(held, report),
      },
    });
    this.#jobs.set(held, { held, run, taskType, preparation: 'none', sentence: taskType.summary });
    return null;
  }

  #prepare(job: Job): void {
    job.preparation = 'going';
    void job.run.prepare().then(() => {
      job.preparation = 'over';
      this.pump();
    });
  }

  #fits(job: Job, slots: number): boolean {
    if (this.#running + this.#cooling >= slots || this.#uploading > slots + UPLOADING) return false;
    const others = [...this.#jobs.values()].filter(({ held, run }) => held.state === 'running' && !run.freed);
    if (GPU_TYPES.has(job.taskType.type) && others.some(({ taskType }) => GPU_TYPES.has(taskType.type))) return false;
    const sum = (of: (spec: JobSpec) => number): number => others.reduce((total, other) => total + of(other.held.job), of(job.held.job));
    const { limits } = this.#policy;
    return sum((spec) => spec.resources.memoryBytes) <= limits.memoryBytes && sum((spec) => spec.resources.cpus) <= Math.max(limits.cores, 1);
  }

  #start(job: Job): void {
    const { held, run } = job;
    this.#ledger.start(held, performance.now());
    this.#nowRunning(1);
    job.sentence = run.describe();
    this.lastTask = { sentence: job.sentence, atMs: performance.now() };
    setTimeout(() => {
      if (held.state === 'running' && this.#ledger.has(held)) this.#outbox.add('started', refOf(held.ref));
    }, STARTED_AFTER_MS);
    void run.run();
  }

  #nowRunning(change: 1 | -1): void {
    this.#busyMs = this.busyMs;
    this.#busySinceMs = performance.now();
    this.#running += change;
  }

  #freed(killed: boolean, deviceLost: boolean): void {
    this.#nowRunning(-1);
    this.#uploading++;
    if (killed) this.#cool();
    if (deviceLost) this.#events.deviceLost();
    this.pump();
  }

  #ended(held: Held, report: Report): void {
    this.#uploading--;
    const job = this.#jobs.get(held);
    if (job !== undefined) this.#note(job, report.kind, report.kind === 'failed' ? report.record.code : null);
    this.#jobs.delete(held);
    this.#ledger.finish(held, report, performance.now());
    this.#report(held);
    this.pump();
  }

  #report(held: Held): void {
    if (held.report?.kind === 'succeeded') this.#outbox.add('succeeded', held.report.record);
    if (held.report?.kind === 'failed') this.#outbox.add('failed', held.report.record);
  }

  /** Of an attempt that has just left the ledger. */
  #drop(held: Held, outcome: 'released' | 'dropped'): void {
    const job = this.#jobs.get(held);
    if (job === undefined) return;
    this.#jobs.delete(held);
    const wasRunning = held.state === 'running';
    const wasUploading = wasRunning && job.run.freed;
    if (job.run.cancel()) this.#cool();
    if (wasUploading) this.#uploading--;
    else if (wasRunning) this.#nowRunning(-1);
    if (wasRunning) this.#note(job, outcome, null);
    this.#events.changed();
  }

  #cool(): void {
    this.#cooling++;
    setTimeout(() => {
      this.#cooling--;
      this.pump();
    }, COOLING_MS);
  }

  #note({ held, taskType, sentence }: Job, outcome: FinishedAttempt['outcome'], code: string | null): void {
    this.lastTask = { sentence, atMs: performance.now() };
    this.history.push({ ...held.ref, type: taskType.type, outcome, code, wallMs: performance.now() - held.sinceMs, endedAtMs: Date.now() });
    if (this.history.length > HISTORY) this.history.shift();
  }
}
