// A job enters the fleet, from a submit or from the store.

import { isDigest } from '@udcs/protocol';
import { optionsOf } from './classes.ts';
import { linkUpstream } from './depend.ts';
import { armDeadline, armQueueTimeout } from './limits.ts';
import type { Fleet, Job } from './model.ts';
import { planOf, startPlan } from './plan.ts';
import { enqueue, openingsOf, ownerOf } from './queues.ts';
import { Ranges } from './ranges.ts';
import type { JobRecord } from './seam.ts';
import { endIfDone } from './settle.ts';
import type { Turn } from './turn.ts';

export function makeJob(fleet: Fleet, record: JobRecord): Job {
  const { spec } = record;
  const job: Job = {
    id: record.id,
    record,
    owner: ownerOf(fleet, record.owner),
    inputDigests: spec.inputs.flatMap(({ source }) => ('digest' in source && isDigest(source.digest) ? [source.digest] : [])),
    options: optionsOf(fleet, spec),
    nodes: null,
    seq: 0,
    total: spec.count,
    succeeded: 0,
    failed: 0,
    canceled: 0,
    repeated: 0,
    startedAtMs: null,
    canceledAtMs: null,
    endedAtMs: null,
    error: null,
    fresh: new Ranges(),
    tasks: new Map(),
    settled: null,
    active: 0,
    retries: null,
    retryCount: 0,
    waitingFor: null,
    plan: null,
    pace: null,
    paceMs: null,
  };
  if (planOf(fleet, job) !== undefined) {
    job.plan = { state: null, done: false, wakeAtMs: null, pieces: [], byKey: new Map() };
    job.total = 0;
  }
  return job;
}

export function submitted(turn: Turn, record: JobRecord): void {
  const { fleet } = turn;
  // A retried event: the job is here already, or has come and gone.
  if (fleet.jobs.has(record.id) || fleet.ended.has(record.id)) return;
  const job = makeJob(fleet, record);
  fleet.jobs.set(job.id, job);
  if (job.plan === null) job.fresh.append(0, job.total - 1);
  admit(turn, job, record.upstreamEnded);
}

/** Links, arms and queues a job whose tasks are known. */
export function admit(turn: Turn, job: Job, upstreamEnded: JobRecord['upstreamEnded']): void {
  linkUpstream(turn, job, upstreamEnded);
  if (job.endedAtMs !== null) return;
  armDeadline(turn, job);
  if (job.waitingFor !== null) return;
  startPlan(turn, job);
  if (job.endedAtMs !== null) return;
  armQueueTimeout(turn, job);
  enqueue(turn.fleet, job, openingsOf(job));
  endIfDone(turn, job);
}
