// Jobs that wait for other jobs: released, or canceled, in the turn in which the last of those ends.
import { advance, type ErrorRecord, type JobId, taskMachine } from '@udcs/protocol';
import { armQueueTimeout } from './arm.ts';
import type { Job } from './model.ts';
import { startPlan } from './plan.ts';
import { enqueue, openingsOf } from './queues.ts';
import { endIfDone, endRest } from './settle.ts';
import type { Turn } from './turn.ts';

type Ended = 'succeeded' | 'failed' | 'canceled';

/** Finds out what a new job waits for. `known` = how upstream jobs ended that ended before its commit. */
export function linkUpstream(turn: Turn, job: Job, known: Readonly<Record<string, Ended>>): void {
  const { fleet } = turn;
  const { after, afterAny } = job.record.spec;
  const waiting = new Set<JobId>();
  for (const id of new Set([...after, ...afterAny])) {
    if (fleet.jobs.has(id) && id !== job.id) waiting.add(id);
    else if (after.includes(id)) {
      const ended = known[id] ?? fleet.ended.get(id);
      if (ended !== 'succeeded') {
        endRest(turn, job, dependencyError(id, ended));
        return;
      }
    }
  }
  if (waiting.size === 0) return;
  job.waitingFor = waiting;
  for (const id of waiting) {
    const list = fleet.dependents.get(id);
    if (list === undefined) fleet.dependents.set(id, [job]);
    else list.push(job);
  }
}

/** Tells the dependents of a job that it ended. */
export function upstreamEnded(turn: Turn, id: JobId, outcome: Ended): void {
  const dependents = turn.fleet.dependents.get(id);
  if (dependents === undefined) return;
  turn.fleet.dependents.delete(id);
  for (const job of dependents) {
    if (job.endedAtMs !== null || job.waitingFor === null) continue;
    job.waitingFor.delete(id);
    if (outcome !== 'succeeded' && job.record.spec.after.includes(id)) cancelBlocked(turn, job, dependencyError(id, outcome));
    else if (job.waitingFor.size === 0) release(turn, job);
  }
}

/** Ends a job that may still wait for others. */
export function cancelBlocked(turn: Turn, job: Job, error: ErrorRecord): void {
  const { dependents } = turn.fleet;
  for (const id of job.waitingFor ?? []) {
    const rest = dependents.get(id)?.filter((dependent) => dependent !== job) ?? [];
    if (rest.length === 0) dependents.delete(id);
    else dependents.set(id, rest);
  }
  job.waitingFor = null;
  endRest(turn, job, error);
}

function release(turn: Turn, job: Job): void {
  job.waitingFor = null;
  for (const task of job.tasks.values()) if (task.state === 'blocked') task.state = advance(taskMachine, task.state, 'unblocked');
  startPlan(turn, job);
  if (job.endedAtMs !== null) return;
  armQueueTimeout(turn, job);
  enqueue(turn.fleet, job, openingsOf(job));
  endIfDone(turn, job);
}

const dependencyError = (id: JobId, ended: Ended | undefined): ErrorRecord => ({
  code: 'DEPENDENCY',
  message:
    ended === undefined
      ? `${id}, which this job waits for, is not known`
      : `${id}, which this job waits for, ${ended === 'failed' ? 'failed' : 'was canceled'}`,
  hint: 'retry that job first, or name it in afterAny to run whatever its end',
});
