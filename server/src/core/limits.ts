// Time limits of jobs and attempts that have passed: what ends then, and what is only looked at again. Setting them: arm.ts.
import { limits } from '@udcs/protocol';
import { armAttempt } from './arm.ts';
import { endEnding, refKey } from './close.ts';
import { cancelBlocked } from './depend.ts';
import type { Attempt, Job } from './model.ts';
import { isOpen } from './place.ts';
import { decideFailed, decideLost } from './retry.ts';
import { settleFailed } from './settle.ts';
import { keyOf, Task } from './task.ts';
import type { Turn } from './turn.ts';

/** Tasks ended per turn when a whole array waited too long. */
const EXPIRED_PER_TURN = 1_000;

/** Rows of one sweep leave together. */
const JOURNAL_EVERY_MS = 250;

export function passDeadline(turn: Turn, job: Job): void {
  const { timeouts } = job.record.spec;
  const total = timeouts.totalMs > 0 ? `timeouts.totalMs is ${timeouts.totalMs}` : 'deadlineAtMs';
  cancelBlocked(turn, job, { code: 'DEADLINE', message: `The job did not end in time (${total}).`, hint: 'allow more time, or connect more workers' });
}

/** Ends tasks that nobody has started; a large array in several turns. */
export function passQueueTimeout(turn: Turn, job: Job): void {
  const { queueMs } = job.record.spec.timeouts;
  const error = {
    code: 'QUEUE_TIMEOUT',
    message: `It waited longer than timeouts.queueMs (${queueMs} ms) for a worker.`,
    hint: 'explain says which workers could run it',
  } as const;
  for (let done = 0; done < EXPIRED_PER_TURN; done++) {
    if (job.endedAtMs !== null) return;
    const index = job.fresh.take();
    if (index < 0) return;
    const task = new Task(job, index);
    job.tasks.set(index, task);
    settleFailed(turn, task, error, null);
  }
  turn.fleet.timers.set(turn.now.monoMs, { kind: 'queue', job: job.id });
}

/** Looks at one attempt: over its time, without progress, its holder not back, or its cancel not answered. */
export function checkAttempt(turn: Turn, attempt: Attempt): void {
  const { fleet, now } = turn;
  if (!isOpen(attempt)) {
    const worker = fleet.workers.get(attempt.worker);
    if (worker !== undefined) endEnding(fleet, worker, refKey(attempt.ref));
    return;
  }
  if (attempt.awaitedUntilMonoMs !== null) {
    if (now.monoMs >= attempt.awaitedUntilMonoMs) decideLost(turn, attempt, 'its worker did not come back after the coordinator started again');
    return;
  }
  const { executionMs, noProgressMs } = attempt.task.job.record.spec.timeouts;
  if (attempt.startedMonoMs !== null) {
    if (now.monoMs >= attempt.startedMonoMs + executionMs + limits.cancelGraceMs) {
      stopAttempt(turn, attempt, 'TIMEOUT', `It ran longer than timeouts.executionMs (${executionMs} ms).`);
      return;
    }
    if (noProgressMs > 0 && now.monoMs >= attempt.progressedMonoMs + noProgressMs + limits.renewMs + limits.cancelGraceMs) {
      stopAttempt(turn, attempt, 'NO_PROGRESS', `It made no progress for timeouts.noProgressMs (${noProgressMs} ms).`);
      return;
    }
  }
  armAttempt(fleet, attempt, now.monoMs);
}

function stopAttempt(turn: Turn, attempt: Attempt, code: 'TIMEOUT' | 'NO_PROGRESS', message: string): void {
  turn.cancel(attempt.worker, attempt.ref, 'timeout');
  decideFailed(turn, attempt, {
    code,
    message: `${message} (${keyOf(attempt.task.job, attempt.task.index)})`,
    exitCode: null,
    signal: null,
    log: null,
    usage: null,
  });
}

/** Journals attempts that have been open for a while, so that a restarted coordinator waits for their holders. */
export function journalOld(turn: Turn): void {
  const { fleet, now } = turn;
  while (fleet.journalFirst < fleet.journal.length) {
    const attempt = fleet.journal[fleet.journalFirst] as Attempt;
    if (isOpen(attempt) && attempt.assigned.monoMs + limits.journalAfterMs > now.monoMs) break;
    fleet.journalFirst++;
    if (isOpen(attempt) && !attempt.journalled) journal(turn, attempt);
  }
  if (fleet.journalFirst > 0) fleet.journal = fleet.journal.slice(fleet.journalFirst);
  fleet.journalFirst = 0;
  const next = fleet.journal[0];
  fleet.journalArmed = next !== undefined;
  if (next !== undefined) fleet.timers.set(Math.max(next.assigned.monoMs + limits.journalAfterMs, now.monoMs + JOURNAL_EVERY_MS), { kind: 'journal' });
}

function journal(turn: Turn, attempt: Attempt): void {
  attempt.journalled = true;
  const { ref, worker, host, assigned } = attempt;
  turn.facts.push({ type: 'attempt.opened', ref, worker, host, assignedAtMs: assigned.wallMs });
  armAttempt(turn.fleet, attempt, turn.now.monoMs);
}
