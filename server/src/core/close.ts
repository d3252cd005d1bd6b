// Ends one attempt: its state, its place in task and worker, its record. What the end means for the task stands in settle.ts and
// retry.ts.
import {
  type AttemptState,
  advance,
  attemptMachine,
  type Blame,
  type ErrorRecord,
  type FailureReport,
  limits,
  type SuccessReport,
  type Usage,
} from '@udcs/protocol';
import { giveRoom } from './ledger.ts';
import type { Attempt, Fleet, Worker } from './model.ts';
import { chargeEnd, learn } from './pace.ts';
import { promote } from './place.ts';
import type { AttemptRecord } from './seam.ts';
import type { Turn } from './turn.ts';

export interface Ending {
  readonly event: 'succeeded' | 'failed' | 'rejected' | 'lost' | 'canceled' | 'superseded';
  readonly blame: Blame | null;
  readonly error: ErrorRecord | null;
  readonly report?: Pick<SuccessReport & FailureReport, 'exitCode'> & Partial<Pick<FailureReport, 'signal' | 'log' | 'usage'>>;
}

export const refKey = (ref: { task: string; epoch: number; attempt: number }): string => `${ref.task}/${ref.epoch}/${ref.attempt}`;

/** Closes the attempt and returns its record; the caller writes it. */
export function closeAttempt(turn: Turn, attempt: Attempt, ending: Ending): AttemptRecord {
  const { fleet, now } = turn;
  const { task } = attempt;
  const ranMs = tookMs(attempt, ending.report?.usage ?? null, now.monoMs);
  attempt.state = nextState(attempt.state, ending.event);
  task.closed(attempt);
  chargeEnd(attempt, attempt.startedMonoMs === null && ending.event !== 'succeeded' ? 0 : ranMs);
  const worker = fleet.workers.get(attempt.worker);
  if (worker !== undefined) leaveWorker(turn, worker, attempt, ending, ranMs);
  // Written out: members after a spread are stored one by one, the slow way, and this is made for every task.
  const { task: name, epoch, attempt: number } = attempt.ref;
  return {
    task: name,
    epoch,
    attempt: number,
    worker: attempt.worker,
    state: attempt.state,
    blame: ending.blame,
    error: ending.error,
    exitCode: ending.report?.exitCode ?? null,
    signal: ending.report?.signal ?? null,
    log: ending.report?.log ?? null,
    usage: ending.report?.usage ?? null,
    assignedAtMs: attempt.assigned.wallMs,
    endedAtMs: now.wallMs,
  };
}

/** `failed` is also how an attempt that never said `started` ends when its time is up. */
function nextState(state: AttemptState, event: Ending['event']): AttemptState {
  if (state !== 'offered' && state !== 'running') throw new Error(`attempt is ${state} already`);
  return advance(attemptMachine, state, event);
}

/** The worker's own measure, as far as it is possible: no longer than it held the attempt. */
function tookMs(attempt: Attempt, usage: Usage | null, monoMs: number): number {
  const heldMs = monoMs - (attempt.startedMonoMs ?? attempt.assigned.monoMs);
  return Math.max(0.01, usage === null ? heldMs : Math.min(usage.wallMs, monoMs - attempt.assigned.monoMs));
}

function leaveWorker(turn: Turn, worker: Worker, attempt: Attempt, ending: Ending, ranMs: number): void {
  const { fleet, now } = turn;
  if (!worker.attempts.delete(attempt)) return;
  if (ending.event === 'succeeded') {
    worker.tasksDone++;
    learn(attempt.task.job, attempt.taskClass, worker, ranMs);
    pace(turn, worker, ranMs);
  }
  // The worker keeps working until it has stopped: its room comes back with its answer.
  if (ending.event === 'canceled' && attempt.awaitedUntilMonoMs === null) {
    worker.ending.set(refKey(attempt.ref), attempt);
    fleet.timers.set(now.monoMs + 2 * limits.cancelGraceMs, { kind: 'attempt', attempt });
    return;
  }
  freeRoom(fleet, worker, attempt);
}

export function freeRoom(fleet: Fleet, worker: Worker, attempt: Attempt): void {
  if (attempt.hasRoom) {
    giveRoom(worker, attempt.need);
    promote(fleet, worker);
  } else {
    worker.prefetched.delete(attempt);
    if (worker.prefetched.size === 0) fleet.hoarders.delete(worker);
  }
  fleet.wanting.add(worker);
}

/** A worker whose machine leaves it less than one slot rests after each task, unless it is the only one. */
function pace(turn: Turn, worker: Worker, ranMs: number): void {
  const { fleet, now } = turn;
  if (worker.dutyShare >= 1 || fleet.workers.size < 2) return;
  const restMs = Math.ceil(ranMs * (1 / worker.dutyShare - 1));
  if (restMs < 1) return;
  worker.restUntilMonoMs = now.monoMs + restMs;
  fleet.timers.set(worker.restUntilMonoMs, { kind: 'rested', worker });
}

/** The worker answered that it has stopped, or time is up: the room of a canceled attempt is free. */
export function endEnding(fleet: Fleet, worker: Worker, key: string): boolean {
  const attempt = worker.ending.get(key);
  if (attempt === undefined) return false;
  worker.ending.delete(key);
  freeRoom(fleet, worker, attempt);
  return true;
}
