// Ends tasks and jobs: counts and facts. A task is settled once; what comes later is dropped before it gets here. What plans and
// dependents make of an end is noted in the turn and drawn by follow.ts.
import { advance, type BlobRef, type ErrorRecord, type SuccessReport, taskMachine } from '@udcs/protocol';
import { closeAttempt, type Ending } from './close.ts';
import type { Attempt, Fleet, Job, Task } from './model.ts';
import { markSettled, withdraw } from './openings.ts';
import { dequeue, dequeueIfEmpty } from './queues.ts';
import type { AttemptRecord } from './seam.ts';
import { keyOf } from './task.ts';
import type { Turn } from './turn.ts';

/** Ended jobs remembered for submits whose commit was before that end. */
const ENDED_KEPT = 100_000;

const NO_OUTPUTS: Readonly<Record<string, BlobRef>> = {};

export function settleSucceeded(turn: Turn, attempt: Attempt, report: SuccessReport): void {
  const { task } = attempt;
  const { job } = task;
  turn.touch(job);
  const by = closeAttempt(turn, attempt, {
    event: 'succeeded',
    blame: null,
    error: null,
    report: { exitCode: report.exitCode, signal: null, log: report.log, usage: report.usage },
  });
  supersedeOthers(turn, task);
  task.state = advance(taskMachine, assertLive(task), 'settled');
  job.active--;
  job.succeeded++;
  turn.fleet.counters.tasksSucceeded++;
  const key = keyOf(job, task.index);
  writeSettled(turn, task, 'succeeded', by, null, report.value ?? null, report.outputs);
  markSettled(job, task.index);
  turn.teach(job, { kind: 'settled', key, value: report.value ?? null, outputs: report.outputs });
  endIfDone(turn, job);
}

/** The task ends failed. `by` = the attempt that decided it, when it is not written elsewhere. */
export function settleFailed(turn: Turn, task: Task, error: ErrorRecord, by: AttemptRecord | null): void {
  const { job } = task;
  const key = keyOf(job, task.index);
  turn.touch(job);
  if (task.state === 'active') job.active--;
  task.state = advance(taskMachine, assertOpen(task), 'exhausted');
  withdraw(task);
  job.failed++;
  job.error ??= error;
  turn.fleet.counters.tasksFailed++;
  writeSettled(turn, task, 'failed', by, error, null, NO_OUTPUTS);
  markSettled(job, task.index);
  dequeueIfEmpty(turn.fleet, job);
  turn.teach(job, { kind: 'failed', key, error });
  const { maxFailures } = job.record.spec;
  if (job.endedAtMs === null && maxFailures !== null && job.failed > maxFailures) {
    endRest(turn, job, { code: 'TOO_MANY_FAILURES', message: `${job.failed} tasks failed; maxFailures allows ${maxFailures}. The last: ${error.message}` });
  }
  endIfDone(turn, job);
}

function assertLive(task: Task): 'active' | 'verifying' {
  if (task.state !== 'active' && task.state !== 'verifying') throw new Error(`a ${task.state} task has a result`);
  return task.state;
}

function assertOpen(task: Task): 'ready' | 'active' | 'verifying' {
  return task.state === 'ready' ? 'ready' : assertLive(task);
}

/** Attempts that another one has made needless. */
function supersedeOthers(turn: Turn, task: Task): void {
  for (const other of task.live) {
    turn.cancel(other.worker, other.ref, 'superseded');
    writeEnded(turn, other, { event: 'superseded', blame: null, error: null });
  }
}

export function writeEnded(turn: Turn, attempt: Attempt, ending: Ending): void {
  const { job } = attempt.task;
  turn.touch(job);
  turn.facts.push({ type: 'attempt.ended', job: job.id, seq: job.seq, record: closeAttempt(turn, attempt, ending) });
}

function writeSettled(
  turn: Turn,
  task: Task,
  state: 'succeeded' | 'failed' | 'canceled',
  by: AttemptRecord | null,
  error: ErrorRecord | null,
  value: unknown,
  outputs: Readonly<Record<string, BlobRef>>,
): void {
  const { job, index, attempts } = task;
  turn.facts.push({
    type: 'task.settled',
    job: job.id,
    key: keyOf(job, index),
    index,
    seq: job.seq,
    state,
    attempts,
    by,
    value,
    outputs,
    error,
    endedAtMs: turn.now.wallMs,
  });
}

export function cancelTask(turn: Turn, task: Task, error: ErrorRecord): void {
  const { job } = task;
  turn.touch(job);
  for (const attempt of task.live) {
    if (attempt.awaitedUntilMonoMs === null) turn.cancel(attempt.worker, attempt.ref, 'canceled');
    writeEnded(turn, attempt, { event: 'canceled', blame: null, error: null });
  }
  if (task.state === 'active') job.active--;
  if (task.state !== 'succeeded' && task.state !== 'failed' && task.state !== 'canceled') task.state = advance(taskMachine, task.state, 'canceled');
  withdraw(task);
  job.canceled++;
  writeSettled(turn, task, 'canceled', null, error, null, NO_OUTPUTS);
  markSettled(job, task.index);
}

/**
 * Cancels everything of the job that has not ended. Tasks that were tried get a row; the others are only counted: the store
 * reads "no row in an ended job" as canceled with the job's error.
 */
export function endRest(turn: Turn, job: Job, error: ErrorRecord): void {
  turn.touch(job);
  dequeue(turn.fleet, job);
  for (const task of [...job.tasks.values()]) cancelTask(turn, task, error);
  job.canceled += job.fresh.size;
  job.fresh.clear();
  job.error = error;
  // A plan that never started has no task yet; the job counts as one.
  if (job.total === 0) {
    job.total = 1;
    job.canceled = 1;
  }
  if (job.plan !== null) job.plan.done = true;
  endIfDone(turn, job);
}

/** The job can not go on for a reason that is nobody's task: counted as one failed task, so that it never looks like a success. */
export function breakJob(turn: Turn, job: Job, error: ErrorRecord): void {
  job.total++;
  job.failed++;
  endRest(turn, job, error);
}

export function endIfDone(turn: Turn, job: Job): void {
  if (job.endedAtMs !== null || job.waitingFor !== null || (job.plan !== null && !job.plan.done)) return;
  if (job.succeeded + job.failed + job.canceled < job.total) return;
  endJob(turn, job);
}

function endJob(turn: Turn, job: Job): void {
  const { fleet, now } = turn;
  turn.touch(job);
  job.endedAtMs = now.wallMs;
  forgetJob(fleet, job);
  fleet.ended.set(job.id, outcomeOf(job));
  if (fleet.ended.size > ENDED_KEPT)
    for (const oldest of fleet.ended.keys()) {
      fleet.ended.delete(oldest);
      break;
    }
  turn.ended.push(job);
}

/** Takes the job out of memory; its facts speak for it. */
export function forgetJob(fleet: Fleet, job: Job): void {
  dequeue(fleet, job);
  for (const option of job.options) option.taskClass.jobs--;
  fleet.jobs.delete(job.id);
  if (job.waitingFor === null) return;
  for (const id of job.waitingFor) {
    const rest = fleet.dependents.get(id)?.filter((dependent) => dependent !== job) ?? [];
    if (rest.length === 0) fleet.dependents.delete(id);
    else fleet.dependents.set(id, rest);
  }
}

export function outcomeOf(job: Job): 'succeeded' | 'failed' | 'canceled' {
  if (job.canceledAtMs !== null && job.canceled > 0) return 'canceled';
  if (job.failed > 0) return 'failed';
  return job.canceled > 0 ? 'canceled' : 'succeeded';
}
