// What an ended attempt means for its task: try again, where and when, or give up. The worker claims a code; blame is decided here.
import { advance, type Blame, type ErrorRecord, errorTable, type FailureReport, limits, taskMachine } from '@udcs/protocol';
import { closeAttempt } from './close.ts';
import type { Attempt, Fleet, Task } from './model.ts';
import { otherHostCould, reopen } from './openings.ts';
import { settleFailed, writeEnded } from './settle.ts';
import type { Turn } from './turn.ts';

/** Workers lost while running one task, on at least two hosts, before the task is taken for the cause. */
const CRASHES = 3;

type Failure = Pick<FailureReport, 'code' | 'message' | 'exitCode' | 'signal' | 'log' | 'usage'>;

export function decideFailed(turn: Turn, attempt: Attempt, failure: Failure): void {
  const { task } = attempt;
  const { blame, retry } = errorTable[failure.code];
  const error: ErrorRecord = { code: failure.code, message: failure.message };
  const ending = { event: 'failed', blame, error, report: failure } as const;
  turn.touch(task.job);
  if (blame === 'job') {
    const final = retry === 'never' ? isBelieved(turn.fleet, attempt) : task.past.failures + 1 >= task.job.record.spec.maxAttempts;
    if (retry !== 'never') task.history.failures++;
    if (final || isWornOut(task)) {
      settleFailed(turn, task, error, closeAttempt(turn, attempt, ending));
      return;
    }
    writeEnded(turn, attempt, ending);
    retryLater(turn, task, attempt, retry === 'never' ? 0 : backoffMs(turn.fleet, task.past.failures), true);
    return;
  }
  task.history.faults++;
  if (isWornOut(task)) {
    settleFailed(turn, task, wornOut(task, error), closeAttempt(turn, attempt, ending));
    return;
  }
  writeEnded(turn, attempt, ending);
  retryLater(turn, task, attempt, backoffMs(turn.fleet, task.past.faults), blame === 'worker');
}

/**
 * Whether a claim that the job itself is wrong ends the task: from a worker of the job's owner, from a second host, or when no second
 * host could say otherwise. One bad donor can not sink a job.
 */
function isBelieved(fleet: Fleet, attempt: Attempt): boolean {
  const { task, host } = attempt;
  const { owner } = task.job.record;
  if (fleet.workers.get(attempt.worker)?.owner === owner) return true;
  if (task.past.blamedBy.some((other) => other !== host)) return true;
  task.history.blamedBy = [...task.past.blamedBy, host];
  return !otherHostCould(fleet, task.job, task.past.blamedBy);
}

/** The worker vanished, or no longer has the attempt. */
export function decideLost(turn: Turn, attempt: Attempt, why: string): void {
  const { task, host } = attempt;
  const error: ErrorRecord = { code: 'WORKER_LOST', message: `The worker was lost: ${why}.` };
  const ending = { event: 'lost', blame: 'worker' as Blame, error } as const;
  turn.touch(task.job);
  turn.fleet.counters.attemptsLost++;
  const crashSuspect = attempt.startedMonoMs !== null && attempt.awaitedUntilMonoMs === null;
  if (crashSuspect) {
    task.history.crashes++;
    if (!task.past.crashHosts.includes(host)) task.history.crashHosts = [...task.past.crashHosts, host];
    if (task.past.crashes >= CRASHES && task.past.crashHosts.length >= 2) {
      settleFailed(turn, task, poison(task), closeAttempt(turn, attempt, ending));
      return;
    }
  }
  if (isWornOut(task)) {
    settleFailed(turn, task, wornOut(task, error), closeAttempt(turn, attempt, ending));
    return;
  }
  writeEnded(turn, attempt, ending);
  retryLater(turn, task, attempt, 0, crashSuspect);
}

/** The worker will not run it. Nothing was executed. */
export function decideRejected(turn: Turn, attempt: Attempt, error: ErrorRecord): void {
  const { task } = attempt;
  turn.touch(task.job);
  const ending = { event: 'rejected', blame: 'worker' as Blame, error } as const;
  if (isWornOut(task)) {
    settleFailed(turn, task, wornOut(task, error), closeAttempt(turn, attempt, ending));
    return;
  }
  writeEnded(turn, attempt, ending);
  retryLater(turn, task, attempt, 0, false);
}

/** Given back unstarted, or handed back by a worker that leaves: counts against nothing. */
export function decideTakenBack(turn: Turn, attempt: Attempt): void {
  const { task } = attempt;
  task.history.takenBack++;
  // An attempt that never did anything leaves no trace unless it was journalled.
  if (attempt.startedMonoMs === null && !attempt.journalled) closeAttempt(turn, attempt, { event: 'superseded', blame: null, error: null });
  else writeEnded(turn, attempt, { event: 'superseded', blame: null, error: null });
  if (task.live.length > 0) return;
  requeue(task);
  reopen(turn.fleet, task);
}

function retryLater(turn: Turn, task: Task, attempt: Attempt, delayMs: number, avoidHost: boolean): void {
  if (avoidHost && !task.past.hosts.includes(attempt.host)) task.history.hosts = [...task.past.hosts, attempt.host];
  if (task.live.length > 0) return;
  requeue(task);
  task.job.repeated++;
  if (delayMs === 0) reopen(turn.fleet, task);
  else turn.fleet.timers.set(turn.now.monoMs + delayMs, { kind: 'backoff', task });
}

function requeue(task: Task): void {
  if (task.state !== 'active') return;
  task.state = advance(taskMachine, task.state, 'requeued');
  task.job.active--;
}

/** The back-off of a task is over. */
export function endBackoff(fleet: Fleet, task: Task): void {
  if (task.state === 'ready' && !task.waiting && fleet.jobs.get(task.job.id) === task.job) reopen(fleet, task);
}

/** 1 s × 2ⁿ up to a minute, with up to a quarter less so that retries spread. */
function backoffMs(fleet: Fleet, count: number): number {
  const full = Math.min(limits.retryMaxMs, limits.retryBaseMs * 2 ** (count - 1));
  return Math.round(full * (1 - 0.25 * fleet.random.next()));
}

const isWornOut = (task: Task): boolean => task.attempts - task.past.takenBack >= limits.attemptsHardCap;

const wornOut = (task: Task, last: ErrorRecord): ErrorRecord => ({
  code: 'ATTEMPTS_EXHAUSTED',
  message: `${task.attempts} attempts ended without a result. The last: ${last.message}`,
  hint: 'the attempts of the task say why each of them ended',
});

const poison = (task: Task): ErrorRecord => ({
  code: 'CRASHED',
  message: `${task.past.crashes} workers on ${task.past.crashHosts.length} machines vanished while they ran this task; it is taken for the cause.`,
  hint: 'run it on a machine of yours and look at its memory use',
});
