// Sets the timers of jobs and attempts: how long to wait, how long to run, when to look for progress. What happens then: limits.ts.
import { limits } from '@udcs/protocol';
import type { Attempt, Fleet, Job } from './model.ts';
import type { Turn } from './turn.ts';

const earliest = (...times: readonly (number | null)[]): number | null =>
  times.reduce((least, time) => (time === null ? least : least === null ? time : Math.min(least, time)), null);

/** Wall-clock end of the job, or null. */
export function deadlineAtMs(job: Job): number | null {
  const { deadlineAtMs: given, timeouts } = job.record.spec;
  return earliest(given, timeouts.totalMs > 0 ? job.record.submittedAtMs + timeouts.totalMs : null);
}

export function armDeadline(turn: Turn, job: Job): void {
  const atMs = deadlineAtMs(job);
  if (atMs !== null) turn.fleet.timers.set(turn.now.monoMs + Math.max(0, atMs - turn.now.wallMs), { kind: 'deadline', job: job.id });
}

export function armQueueTimeout(turn: Turn, job: Job): void {
  const { queueMs } = job.record.spec.timeouts;
  if (queueMs > 0) turn.fleet.timers.set(turn.now.monoMs + queueMs, { kind: 'queue', job: job.id });
}

/** Sets the next look at an attempt. Called when it is journalled: shorter ones never cost a timer. */
export function armAttempt(fleet: Fleet, attempt: Attempt, monoMs: number): void {
  const { executionMs, noProgressMs } = attempt.task.job.record.spec.timeouts;
  const started = attempt.startedMonoMs;
  const next =
    started === null
      ? monoMs + limits.renewMs
      : earliest(
          started + executionMs + limits.cancelGraceMs,
          noProgressMs > 0 ? attempt.progressedMonoMs + noProgressMs + limits.renewMs + limits.cancelGraceMs : null,
        );
  fleet.timers.set(Math.max(monoMs + 1, next ?? monoMs + limits.renewMs), { kind: 'attempt', attempt });
}
