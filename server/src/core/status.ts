// Reads of the fleet for API, dashboard and the artifact gate. Nothing here changes anything.
import type { AttemptRef, ErrorRecord, JobId, Load, WorkerId, WorkerState } from '@udcs/protocol';
import type { Fleet, Introduction, Job, Worker } from './model.ts';
import { findAttempt } from './report.ts';

/** Who holds this open attempt, or null when it is not open. */
export function attemptOf(fleet: Fleet, ref: AttemptRef): { readonly worker: WorkerId; readonly job: JobId; readonly index: number } | null {
  const attempt = findAttempt(fleet, ref);
  return attempt === null ? null : { worker: attempt.worker, job: attempt.task.job.id, index: attempt.task.index };
}

export const jobIsLive = (fleet: Fleet, id: JobId): boolean => fleet.jobs.has(id);

/** Tasks of the job with a live attempt; 0 when it has ended. */
export const activeOf = (fleet: Fleet, id: JobId): number => fleet.jobs.get(id)?.active ?? 0;

export interface JobStatus {
  readonly seq: number;
  readonly counts: { readonly total: number; readonly succeeded: number; readonly failed: number; readonly canceled: number; readonly active: number };
  readonly blocked: boolean;
  readonly repeated: number;
  readonly startedAtMs: number | null;
  readonly canceledAtMs: number | null;
  readonly error: ErrorRecord | null;
  readonly planDone: boolean;
  readonly attempts: readonly {
    readonly ref: AttemptRef;
    readonly worker: WorkerId;
    readonly started: boolean;
    readonly progress: number | null;
    readonly assignedAtMs: number;
  }[];
}

/** Attempts shown of one job. */
const SHOWN = 500;

/** A job in memory, or null when it has ended or is unknown. */
export function jobStatus(fleet: Fleet, id: JobId): JobStatus | null {
  const job = fleet.jobs.get(id);
  if (job === undefined) return null;
  const { seq, total, succeeded, failed, canceled, active, repeated, startedAtMs, canceledAtMs, error } = job;
  const attempts: JobStatus['attempts'][number][] = [];
  for (const task of job.tasks.values()) {
    for (const { ref, worker, state, progress, assigned } of task.live)
      attempts.push({ ref, worker, started: state === 'running', progress, assignedAtMs: assigned.wallMs });
    if (attempts.length >= SHOWN) break;
  }
  const counts = { total, succeeded, failed, canceled, active };
  return { seq, counts, blocked: job.waitingFor !== null, repeated, startedAtMs, canceledAtMs, error, planDone: job.plan === null || job.plan.done, attempts };
}

export interface WorkerStatus {
  readonly introduction: Introduction;
  readonly state: WorkerState;
  readonly load: Load;
  /** Attempts it holds, and how many of them only in advance. */
  readonly running: number;
  readonly prefetched: number;
  readonly slots: number;
  readonly tasksDone: number;
  readonly attemptsLost: number;
  readonly firstSeenAtMs: number;
  readonly lastSeenAtMs: number;
}

export const workerStatus = (fleet: Fleet): WorkerStatus[] => [...fleet.workers.values()].map(statusOf);

export function oneWorkerStatus(fleet: Fleet, id: WorkerId): WorkerStatus | null {
  const worker = fleet.workers.get(id);
  return worker === undefined ? null : statusOf(worker);
}

function statusOf(worker: Worker): WorkerStatus {
  const { introduction, state, load, attempts, prefetched, tasksDone, attemptsLost, firstSeenAtMs, lastSeenAtMs } = worker;
  return {
    introduction,
    state,
    load,
    running: attempts.size,
    prefetched: prefetched.size,
    slots: introduction.capabilities.pools.slots,
    tasksDone,
    attemptsLost,
    firstSeenAtMs,
    lastSeenAtMs,
  };
}

export interface FleetOverview {
  readonly workers: { readonly browser: number; readonly native: number; readonly suspect: number; readonly slots: number; readonly busySlots: number };
  readonly tasks: { readonly queued: number; readonly blocked: number; readonly active: number };
  readonly jobs: { readonly running: number; readonly queued: number };
  readonly totals: { readonly tasksSucceeded: number; readonly tasksFailed: number; readonly attemptsLost: number; readonly reportsDropped: number };
}

/** The figures since this start; costs one look at every job and worker. */
export function overview(fleet: Fleet): FleetOverview {
  const { tasksSucceeded, tasksFailed, attemptsLost, dropped } = fleet.counters;
  const reportsDropped = dropped.foreign + dropped.late + dropped.unknownAttempt + dropped.unknownWorker;
  return { workers: workerFigures(fleet), ...jobFigures(fleet), totals: { tasksSucceeded, tasksFailed, attemptsLost, reportsDropped } };
}

function workerFigures(fleet: Fleet): FleetOverview['workers'] {
  const figures = { browser: 0, native: 0, suspect: 0, slots: 0, busySlots: 0 };
  for (const worker of fleet.workers.values()) {
    if (worker.state === 'suspect') figures.suspect++;
    else figures[worker.introduction.kind]++;
    figures.slots += worker.introduction.capabilities.pools.slots;
    figures.busySlots += worker.used.slots;
  }
  return figures;
}

function jobFigures(fleet: Fleet): Pick<FleetOverview, 'tasks' | 'jobs'> {
  const tasks = { queued: 0, blocked: 0, active: 0 };
  const jobs = { running: 0, queued: 0 };
  for (const job of fleet.jobs.values()) {
    const open = unended(job);
    tasks.active += job.active;
    if (job.waitingFor === null) tasks.queued += open - job.active;
    else tasks.blocked += open;
    if (job.active > 0 || open < job.total) jobs.running++;
    else jobs.queued++;
  }
  return { tasks, jobs };
}

export const unended = (job: Job): number => job.total - job.succeeded - job.failed - job.canceled;

/** Sizes that must not grow without bound. */
export function memoryCounters(
  fleet: Fleet,
): Readonly<Record<'jobs' | 'tasks' | 'attempts' | 'workers' | 'owners' | 'classes' | 'buckets' | 'timers' | 'endedJobs' | 'journal', number>> {
  let tasks = 0;
  for (const job of fleet.jobs.values()) tasks += job.tasks.size;
  let attempts = 0;
  for (const worker of fleet.workers.values()) attempts += worker.attempts.size + worker.ending.size;
  return {
    jobs: fleet.jobs.size,
    tasks,
    attempts,
    workers: fleet.workers.size,
    owners: fleet.owners.size,
    classes: fleet.classes.size,
    buckets: fleet.buckets.size,
    timers: fleet.timers.size,
    endedJobs: fleet.ended.size,
    journal: fleet.journal.length,
  };
}
