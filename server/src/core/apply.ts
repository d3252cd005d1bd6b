// Records one thing that happened. The only way into the fleet besides place() and restore(); mutates it and says what follows.
import { cancelBlocked } from './depend.ts';
import { followUp } from './follow.ts';
import { capabilitiesChanged, checkWorker, closed, heardFrom, intended, joined, renewed } from './lease.ts';
import { checkAttempt, journalOld, passDeadline, passQueueTimeout } from './limits.ts';
import type { Fleet, Job } from './model.ts';
import { wakePlan } from './plan.ts';
import { reloaded } from './reload.ts';
import { reported } from './report.ts';
import { endBackoff } from './retry.ts';
import type { CoreEvent, Now, Outcome } from './seam.ts';
import { submitted } from './submit.ts';
import type { Timer } from './timers.ts';
import { Turn } from './turn.ts';

/** Timers fired per tick; the rest fire in the next turn of the loop. */
const TIMERS_PER_TICK = 10_000;

export function apply(fleet: Fleet, event: CoreEvent, now: Now): Outcome {
  const turn = new Turn(fleet, now);
  record(turn, event);
  followUp(turn);
  return turn.finish();
}

function record(turn: Turn, event: CoreEvent): void {
  const { fleet } = turn;
  switch (event.type) {
    case 'job.submitted':
      submitted(turn, event.job);
      return;
    case 'job.canceled':
      canceled(turn, fleet.jobs.get(event.job), event.atMs);
      return;
    case 'worker.joined':
      fleet.topology++;
      joined(turn, event);
      return;
    case 'worker.renewed':
      renewed(turn, event);
      return;
    case 'worker.capabilities':
      capabilitiesChanged(turn, event);
      return;
    case 'worker.cached':
      cacheChanged(fleet, event);
      return;
    case 'worker.reported':
      heardFrom(turn, event.worker);
      reported(turn, event);
      return;
    case 'worker.intent':
      intended(turn, event);
      return;
    case 'worker.closed':
      closed(turn, event);
      return;
    case 'drain':
      fleet.draining = true;
      return;
    case 'jobs.reloaded':
      reloaded(turn, event);
      return;
    case 'tick':
      tick(turn);
      return;
  }
}

function canceled(turn: Turn, job: Job | undefined, atMs: number): void {
  if (job === undefined) return;
  job.canceledAtMs ??= atMs;
  cancelBlocked(turn, job, { code: 'CANCELED', message: 'Canceled by its owner.' });
}

function cacheChanged(fleet: Fleet, { worker: id, added, dropped }: Extract<CoreEvent, { type: 'worker.cached' }>): void {
  const cached = fleet.workers.get(id)?.cached;
  for (const digest of added) cached?.add(digest);
  for (const digest of dropped) cached?.delete(digest);
}

function tick(turn: Turn): void {
  const { timers } = turn.fleet;
  for (let fired = 0; fired < TIMERS_PER_TICK; fired++) {
    const timer = timers.takeDue(turn.now.monoMs);
    if (timer === null) return;
    fire(turn, timer);
  }
}

function fire(turn: Turn, timer: Timer): void {
  const { fleet } = turn;
  switch (timer.kind) {
    case 'worker':
      checkWorker(turn, timer.worker);
      return;
    case 'rested':
      if (timer.worker.state !== 'gone') fleet.wanting.add(timer.worker);
      return;
    case 'backoff':
      endBackoff(fleet, timer.task);
      return;
    case 'attempt':
      checkAttempt(turn, timer.attempt);
      return;
    case 'journal':
      journalOld(turn);
      return;
    case 'queue':
      withJob(fleet, timer.job, (job) => passQueueTimeout(turn, job));
      return;
    case 'deadline':
      withJob(fleet, timer.job, (job) => passDeadline(turn, job));
      return;
    case 'plan':
      withJob(fleet, timer.job, (job) => wakePlan(turn, job));
      return;
  }
}

function withJob(fleet: Fleet, id: Job['id'], act: (job: Job) => void): void {
  const job = fleet.jobs.get(id);
  if (job !== undefined) act(job);
}
