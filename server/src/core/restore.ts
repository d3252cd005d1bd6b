// Rebuilds the fleet from the store at a start: what was settled stays, journalled attempts wait one lease for their holder, all
// else is ready at once. Wall-clock limits are re-based; leases start anew.
import { advance, limits, splitTaskId, taskMachine } from '@udcs/protocol';
import { Bits } from './bits.ts';
import { cancelBlocked } from './depend.ts';
import { followUp } from './follow.ts';
import type { Fleet, Job } from './model.ts';
import { indexOf, isSettled, reopen } from './openings.ts';
import type { BootSnapshot, JobRecord, JobSnapshot, Now, Outcome } from './seam.ts';
import { admit, emptyPlan, makeJob } from './submit.ts';
import { Attempt, Task } from './task.ts';
import { Turn } from './turn.ts';

export function restore(fleet: Fleet, snapshot: BootSnapshot, now: Now): Outcome {
  fleet.epoch = snapshot.epoch;
  const turn = new Turn(fleet, now);
  const made = snapshot.jobs.map((stored) => makeStored(fleet, stored));
  // All known before any is linked: they may wait for each other.
  for (const job of made) fleet.jobs.set(job.id, job);
  for (const [at, stored] of snapshot.jobs.entries()) settleIn(turn, made[at] as Job, stored, { ...snapshot.ended, ...stored.job.upstreamEnded });
  followUp(turn);
  return turn.finish();
}

export function makeStored(fleet: Fleet, stored: JobSnapshot): Job {
  const job = makeJob(fleet, stored.job);
  job.seq = stored.seq;
  job.succeeded = stored.succeeded;
  job.failed = stored.failed;
  job.repeated = stored.repeated;
  job.startedAtMs = stored.startedAtMs;
  job.canceledAtMs = stored.canceledAtMs;
  if (stored.plan !== null) {
    // What was planned once stays planned, whatever the type says today.
    job.plan ??= emptyPlan();
    job.plan.state = stored.plan.state;
    job.plan.done = stored.plan.done;
    job.plan.wakeAtMs = stored.plan.wakeAtMs;
    for (const piece of stored.plan.pieces) {
      job.plan.pieces[piece.index] = piece;
      job.plan.byKey.set(piece.key, piece.index);
    }
    job.total = job.plan.pieces.length;
  }
  let next = 0;
  let rows = 0;
  for (const [from, last] of stored.settled) {
    // A row of a piece whose plan step was refused lies past the end; it does not count.
    const to = Math.min(last, job.total - 1);
    if (to < from) break;
    rows += to - from + 1;
    job.fresh.append(next, from - 1);
    job.settled ??= new Bits(Math.min(job.total, 1 << 20));
    for (let index = from; index <= to; index++) job.settled.add(index);
    next = to + 1;
  }
  job.fresh.append(next, job.total - 1);
  // Tasks are canceled without a row only when their job ends: in a job that goes on, rows are the truth.
  job.canceled = Math.max(0, rows - job.succeeded - job.failed);
  return job;
}

/** Brings tried tasks, awaited attempts, limits and the plan to life. */
export function settleIn(turn: Turn, job: Job, stored: JobSnapshot, ended: JobRecord['upstreamEnded']): void {
  const { fleet, now } = turn;
  for (const tried of stored.tried) {
    const index = indexOf(job, tried.key);
    if (index < 0 || isSettled(job, index)) continue;
    job.fresh.remove(index);
    const task = job.tasks.get(index) ?? new Task(job, index);
    task.attempts = Math.max(task.attempts, tried.attempts);
    if (tried.failures > 0 || tried.hosts.length > 0) Object.assign(task.history, { failures: tried.failures, hosts: tried.hosts });
    job.tasks.set(index, task);
  }
  for (const open of stored.open) awaitHolder(turn, job, open);
  for (const task of job.tasks.values()) if (task.live.length === 0) reopen(fleet, task);
  if (job.canceledAtMs !== null) {
    cancelBlocked(turn, job, { code: 'CANCELED', message: 'Canceled by its owner.' });
    return;
  }
  if (job.plan?.wakeAtMs !== null && job.plan?.wakeAtMs !== undefined)
    fleet.timers.set(now.monoMs + Math.max(0, job.plan.wakeAtMs - now.wallMs), { kind: 'plan', job: job.id });
  admit(turn, job, ended);
  if (job.waitingFor !== null) for (const task of job.tasks.values()) if (task.state === 'ready') task.state = 'blocked';
}

function awaitHolder(turn: Turn, job: Job, { ref, worker, host, assignedAtMs }: JobSnapshot['open'][number]): void {
  const { fleet, now } = turn;
  const index = indexOf(job, splitTaskId(ref.task).key);
  const option = job.options[0];
  if (index < 0 || option === undefined || isSettled(job, index)) return;
  job.fresh.remove(index);
  const task = job.tasks.get(index) ?? new Task(job, index);
  job.tasks.set(index, task);
  task.attempts = Math.max(task.attempts, ref.attempt);
  const until = now.monoMs + limits.leaseMs;
  const attempt = new Attempt(task, ref, { id: worker, host }, option, { monoMs: now.monoMs, wallMs: assignedAtMs });
  attempt.journalled = true;
  attempt.awaitedUntilMonoMs = until;
  if (task.state === 'ready') {
    task.state = advance(taskMachine, task.state, 'assigned');
    job.active++;
  }
  task.opened(attempt);
  fleet.timers.set(until, { kind: 'attempt', attempt });
}
