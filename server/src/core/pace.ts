// Learns how long tasks take, per job and worker and per class and worker, for prefetch depth, tails and fair shares.
import type { Attempt, Job, TaskClass, Worker } from './model.ts';

/** Weight of the newest value. */
const NEWEST = 0.25;

const mix = (old: number | undefined | null, value: number): number => (old === undefined || old === null ? value : old + NEWEST * (value - old));

export function learn(job: Job, taskClass: TaskClass, worker: Worker, tookMs: number): void {
  worker.pace ??= new Map();
  worker.pace.set(taskClass, mix(worker.pace.get(taskClass), tookMs));
  if (job.total <= 1) return;
  job.pace ??= new Map();
  job.pace.set(worker.id, mix(job.pace.get(worker.id), tookMs));
  job.paceMs = mix(job.paceMs, tookMs);
}

/** Expected time of one task of the job on this worker, or null. */
export const expectedMs = (job: Job, taskClass: TaskClass, worker: Worker): number | null => job.pace?.get(worker.id) ?? worker.pace?.get(taskClass) ?? null;

/** What a start costs its owner until the end is known. */
const UNKNOWN_MS = 1_000;

export function chargeStart(job: Job, attempt: Attempt, worker: Worker): void {
  attempt.chargedMs = (expectedMs(job, attempt.taskClass, worker) ?? job.paceMs ?? UNKNOWN_MS) * Math.max(0.1, attempt.need.cpus);
  job.owner.receivedMs += attempt.chargedMs / job.owner.weight;
}

export function chargeEnd(attempt: Attempt, tookMs: number): void {
  const { owner } = attempt.task.job;
  owner.receivedMs += (tookMs * Math.max(0.1, attempt.need.cpus) - attempt.chargedMs) / owner.weight;
}
