// The store refused a fact: memory and store disagree, and the store is right. The job is taken out and read back in.
import { closeAttempt } from './close.ts';
import type { Job } from './model.ts';
import { isSettled } from './openings.ts';
import { makeStored, settleIn } from './restore.ts';
import type { CoreEvent } from './seam.ts';
import { forgetJob } from './settle.ts';
import { Task } from './task.ts';
import type { Turn } from './turn.ts';

export function reloaded(turn: Turn, { jobs, gone }: Extract<CoreEvent, { type: 'jobs.reloaded' }>): void {
  const { fleet } = turn;
  for (const id of gone) discard(turn, fleet.jobs.get(id));
  const made = jobs.map((stored) => {
    const old = fleet.jobs.get(stored.job.id);
    const job = makeStored(fleet, stored);
    if (old !== undefined) keepNumbers(old, job);
    discard(turn, old);
    fleet.jobs.set(job.id, job);
    return job;
  });
  for (const [at, stored] of jobs.entries()) settleIn(turn, made[at] as Job, { ...stored, open: [] }, stored.job.upstreamEnded);
}

/** A number is never given twice in an epoch, or what was sent for the first attempt would pass for the second. */
function keepNumbers(old: Job, job: Job): void {
  for (const { index, attempts } of old.tasks.values()) {
    if (attempts === 0 || index >= job.total || isSettled(job, index)) continue;
    const task = new Task(job, index);
    task.attempts = attempts;
    job.tasks.set(index, task);
    job.fresh.remove(index);
  }
}

function discard(turn: Turn, job: Job | undefined): void {
  if (job === undefined) return;
  for (const task of job.tasks.values()) {
    for (const attempt of task.live) {
      if (attempt.awaitedUntilMonoMs === null) turn.cancel(attempt.worker, attempt.ref, 'stale');
      closeAttempt(turn, attempt, { event: 'canceled', blame: null, error: null });
    }
  }
  job.endedAtMs = turn.now.wallMs;
  forgetJob(turn.fleet, job);
}
