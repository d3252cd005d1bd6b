// Openings of one job: fresh indexes first come as numbers; a task object exists from its first attempt on. Tasks that come back
// stand in one line per set of hosts they must avoid, so that a whole line is skipped at once.
import type { HostId, TaskKey } from '@udcs/protocol';
import { Bits } from './bits.ts';
import { couldRun } from './classes.ts';
import type { Fleet, Job, RetryLine, Worker } from './model.ts';
import { enqueue } from './queues.ts';
import { Task } from './task.ts';

/** Index of a key of this job, or -1. */
export function indexOf(job: Job, key: TaskKey): number {
  if (job.plan !== null) return job.plan.byKey.get(key) ?? -1;
  const index = Number(key);
  return Number.isInteger(index) && index >= 0 && index < job.total && String(index) === key ? index : -1;
}

export const isSettled = (job: Job, index: number): boolean => job.settled?.has(index) === true;

export function markSettled(job: Job, index: number): void {
  job.settled ??= new Bits(Math.min(job.total, 1 << 20));
  job.settled.add(index);
  job.tasks.delete(index);
}

/** A task without live attempts is wanted again: by hosts that it does not avoid. */
export function reopen(fleet: Fleet, task: Task): void {
  const { job } = task;
  const { hosts } = task.past;
  const key = hosts.length === 0 ? '' : [...hosts].sort().join(' ');
  job.retries ??= new Map();
  let line = job.retries.get(key);
  if (line === undefined) {
    line = { hosts, tasks: [], fallback: false, fallbackTopology: -1 };
    job.retries.set(key, line);
  }
  line.tasks.push(task);
  job.retryCount++;
  task.waiting = true;
  enqueue(fleet, job, 1);
}

/** Takes a waiting task out of its line. */
export function withdraw(task: Task): void {
  if (!task.waiting || task.job.retries === null) return;
  task.waiting = false;
  for (const [key, line] of task.job.retries) {
    const at = line.tasks.indexOf(task);
    if (at < 0) continue;
    line.tasks.splice(at, 1);
    task.job.retryCount--;
    if (line.tasks.length === 0) task.job.retries.delete(key);
    return;
  }
}

/** Whether the worker may take one of the job's openings, looking at hosts to avoid only. */
export function hasOpeningFor(fleet: Fleet, job: Job, worker: Worker): boolean {
  return job.fresh.size > 0 || retryLineFor(fleet, job, worker) !== null;
}

/** Takes one opening out for this worker; `hasOpeningFor` must have said yes. */
export function takeOpening(fleet: Fleet, job: Job, worker: Worker): Task | null {
  const line = job.retryCount === 0 ? null : retryLineFor(fleet, job, worker);
  if (line !== null) {
    const task = line.tasks.shift() as Task;
    task.waiting = false;
    job.retryCount--;
    if (line.tasks.length === 0) for (const [key, candidate] of job.retries ?? []) if (candidate === line) job.retries?.delete(key);
    return task;
  }
  const index = job.fresh.take();
  if (index < 0) return null;
  const task = new Task(job, index);
  job.tasks.set(index, task);
  return task;
}

/** Lines looked at for one worker; more wait for their turn. */
const WINDOW = 32;

function retryLineFor(fleet: Fleet, job: Job, worker: Worker): RetryLine | null {
  if (job.retries === null) return null;
  let seen = 0;
  for (const line of job.retries.values()) {
    if (!line.hosts.includes(worker.host) || hostMustDo(fleet, job, line)) return line;
    if (++seen >= WINDOW) return null;
  }
  return null;
}

/** True when no connected, capable worker stands outside the excluded hosts: better there again than never. */
export function hostMustDo(fleet: Fleet, job: Job, line: RetryLine): boolean {
  if (line.fallbackTopology !== fleet.topology) {
    line.fallback = !otherHostCould(fleet, job, line.hosts);
    line.fallbackTopology = fleet.topology;
  }
  return line.fallback;
}

/** Whether a worker that takes work on a host outside `hosts` could run the job. */
export function otherHostCould(fleet: Fleet, job: Job, hosts: readonly HostId[]): boolean {
  const owner = job.record.owner;
  for (const option of job.options) {
    for (const bucket of fleet.buckets.values()) {
      if (!bucket.trustedClasses.has(option.taskClass.id)) continue;
      for (const worker of bucket.workers) {
        if (
          worker.state === 'online' &&
          worker.load.throttle > 0 &&
          !hosts.includes(worker.host) &&
          worker.barred?.has(option.taskClass) !== true &&
          couldRun(option, worker, owner)
        )
          return true;
      }
    }
  }
  return false;
}
