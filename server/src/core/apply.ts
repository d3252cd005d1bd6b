// Records one thing that happened. The only way into the fleet besides place() and restore(); mutates it and says what follows.
import { cancelBlocked } from './depend.ts';
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
  return turn.finish();
}

function record(turn: Turn, event: CoreEvent): void {
  const { fleet } = turn;
  switch (event.type) {
    case 'job.submitted':
      return submitted(turn, event.job);
    case 'job.canceled':
      return canceled(turn, fleet.jobs.get(event.job), event.atMs);
    case 'worker.joined':
      fleet.topology++;
      return joined(turn, event);
    case 'worker.renewed':
      return renewed(turn, event);
    case 'worker.capabilities':
      return capabilitiesChanged(turn, event);
    case 'worker.cached':
      return cacheChanged(fleet, event);
    case 'worker.reported':
      heardFrom(turn, event.worker);
      return reported(turn, event);
    case 'worker.intent':
      return intended(turn, event);
    case 'worker.closed':
      return closed(turn, event);
    case 'drain':
      fleet.draining = true;
      return;
    case 'jobs.reloaded':
      return reloaded(turn, event);
    case 'tick':
      return tick(turn);
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
  const { fleet, now } = turn;
  switch (timer.kind) {
    case 'worker':
      return checkWorker(turn, timer.worker);
    case 'rested':
      if (timer.worker.state !== 'gone') fleet.wanting.add(timer.worker);
      return;
    case 'backoff':
      return endBackoff(fleet, timer.task);
    case 'attempt':
      return checkAttempt(turn, timer.attempt);
    case 'journal':
      return journalOld(turn);
    case 'queue':
      return withJob(fleet, timer.job, (job) => passQueueTimeout(turn, job));
    case 'deadline':
      return withJob(fleet, timer.job, (job) => passDeadline(turn, job));
    case 'plan':
      return withJob(fleet, timer.job, (job) => wakePlan(turn, job));
  }
}

function withJob(fleet: Fleet, id: Job['id'], act: (job: Job) => void): void {
  const job = fleet.jobs.get(id);
  if (job !== undefined) act(job);
}
