// What workers report. A report about an attempt that is not open, or not of this worker, is dropped, counted and answered so that
// the worker forgets it: remote input is never an assertion.
import { type AttemptRef, advance, attemptMachine, splitTaskId } from '@udcs/protocol';
import { unpark } from './classes.ts';
import { endEnding, refKey } from './close.ts';
import type { Attempt, Fleet, Worker } from './model.ts';
import { indexOf } from './openings.ts';
import { giveRoomTo } from './place.ts';
import { decideFailed, decideRejected, decideTakenBack } from './retry.ts';
import type { CoreEvent } from './seam.ts';
import { settleSucceeded } from './settle.ts';
import type { Turn } from './turn.ts';

type Reported = Extract<CoreEvent, { type: 'worker.reported' }>;

/** A worker that had no room is asked again after this. */
const NO_ROOM_REST_MS = 1_000;

export function reported(turn: Turn, { worker: id, report }: Reported): void {
  const { fleet } = turn;
  const worker = fleet.workers.get(id);
  if (worker === undefined) {
    dropAll(turn, id, report);
    return;
  }
  for (const ref of report.started ?? []) {
    const attempt = openOf(turn, worker, ref);
    if (attempt !== null) started(turn, worker, attempt);
  }
  for (const success of report.succeeded ?? []) {
    const attempt = openOf(turn, worker, success);
    turn.ack(id, refOf(success));
    if (attempt !== null) settleSucceeded(turn, attempt, success);
  }
  for (const failure of report.failed ?? []) {
    const attempt = openOf(turn, worker, failure);
    turn.ack(id, refOf(failure));
    if (attempt !== null) decideFailed(turn, attempt, failure);
  }
  for (const rejection of report.rejected ?? []) {
    const attempt = openOf(turn, worker, rejection);
    turn.ack(id, refOf(rejection));
    if (attempt !== null) rejected(turn, worker, attempt, rejection);
  }
  for (const ref of report.released ?? []) released(turn, worker, ref);
}

const refOf = ({ task, epoch, attempt }: AttemptRef): AttemptRef => ({ task, epoch, attempt });

/** The open attempt this worker reports on, or null after counting why not. */
function openOf(turn: Turn, worker: Worker, ref: AttemptRef): Attempt | null {
  const { dropped } = turn.fleet.counters;
  const attempt = findAttempt(turn.fleet, ref);
  if (attempt === null) {
    // Its answer to a cancel is here: whatever it says, it has stopped.
    if (endEnding(turn.fleet, worker, refKey(ref))) dropped.late++;
    else dropped.unknownAttempt++;
    return null;
  }
  if (attempt.worker === worker.id && worker.attempts.has(attempt)) return attempt;
  dropped.foreign++;
  return null;
}

/** The open attempt with this name. */
export function findAttempt(fleet: Fleet, ref: AttemptRef): Attempt | null {
  const { jobId, key } = splitTaskId(ref.task);
  const job = fleet.jobs.get(jobId);
  if (job === undefined) return null;
  const task = job.tasks.get(indexOf(job, key));
  return task?.live.find((attempt) => attempt.number === ref.attempt && attempt.epoch === ref.epoch) ?? null;
}

function started(turn: Turn, worker: Worker, attempt: Attempt): void {
  if (attempt.state !== 'offered') return;
  const { monoMs, wallMs } = turn.now;
  attempt.state = advance(attemptMachine, attempt.state, 'started');
  attempt.startedMonoMs = monoMs;
  attempt.progressedMonoMs = monoMs;
  attempt.task.job.startedAtMs ??= wallMs;
  // It started what was to wait: the worker knows best, as far as its slots go.
  if (!attempt.hasRoom && worker.used.slots < worker.capacity.slots) giveRoomTo(turn.fleet, worker, attempt);
}

function rejected(
  turn: Turn,
  worker: Worker,
  attempt: Attempt,
  { code, message }: { code: Parameters<typeof decideRejected>[2]['code']; message: string },
): void {
  const { fleet, now } = turn;
  const { rejectedByCode } = fleet.counters;
  rejectedByCode.set(code, (rejectedByCode.get(code) ?? 0) + 1);
  if (code === 'NO_ROOM') {
    worker.restUntilMonoMs = now.monoMs + NO_ROOM_REST_MS;
    fleet.timers.set(worker.restUntilMonoMs, { kind: 'rested', worker });
  } else {
    worker.barred ??= new Set();
    worker.barred.add(attempt.taskClass);
    fleet.topology++;
  }
  decideRejected(turn, attempt, { code, message });
}

function released(turn: Turn, worker: Worker, ref: AttemptRef): void {
  if (endEnding(turn.fleet, worker, refKey(ref))) return;
  const attempt = findAttempt(turn.fleet, ref);
  if (attempt === null || attempt.worker !== worker.id || !worker.attempts.has(attempt)) {
    turn.fleet.counters.dropped[attempt === null ? 'unknownAttempt' : 'foreign']++;
    return;
  }
  decideTakenBack(turn, attempt);
  // The thief it was taken for stands parked by now.
  unpark(turn.fleet, worker);
}

function dropAll(turn: Turn, id: Reported['worker'], report: Reported['report']): void {
  for (const ref of [...(report.succeeded ?? []), ...(report.failed ?? []), ...(report.rejected ?? [])]) {
    turn.fleet.counters.dropped.unknownWorker++;
    turn.ack(id, refOf(ref));
  }
}
