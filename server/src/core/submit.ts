// A job enters the fleet, from a submit or from the store.
import { type ErrorRecord, isDigest, type JobSpec } from '@udcs/protocol';
import { armDeadline, armQueueTimeout } from './arm.ts';
import { optionsOf } from './classes.ts';
import { linkUpstream } from './depend.ts';
import type { Fleet, Job, Option, PlanRun } from './model.ts';
import { hasPlan, startPlan } from './plan.ts';
import { enqueue, openingsOf, ownerOf } from './queues.ts';
import { Ranges } from './ranges.ts';
import type { JobRecord } from './seam.ts';
import { breakJob, endIfDone, endRest, settleFailed } from './settle.ts';
import { Task } from './task.ts';
import type { Turn } from './turn.ts';

export function makeJob(fleet: Fleet, record: JobRecord): Job {
  const { spec } = record;
  const { options, planned, problem } = readSpec(fleet, spec);
  const job: Job = {
    id: record.id,
    record,
    owner: ownerOf(fleet, record.owner),
    inputDigests: spec.inputs.flatMap(({ source }) => ('digest' in source && isDigest(source.digest) ? [source.digest] : [])),
    options,
    problem,
    nodes: null,
    seq: 0,
    total: planned ? 0 : spec.count,
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
    plan: planned ? emptyPlan() : null,
    pace: null,
    paceMs: null,
  };
  return job;
}

export const emptyPlan = (): PlanRun => ({ state: null, done: false, wakeAtMs: null, pieces: [], byKey: new Map() });

/** Asks the task types about the spec. They are not ours and the spec may be older than they are: what they throw is the job's problem alone. */
function readSpec(fleet: Fleet, spec: JobSpec): { readonly options: readonly Option[]; readonly planned: boolean; readonly problem: string | null } {
  try {
    const planned = hasPlan(spec, fleet.types);
    return { options: optionsOf(fleet, spec), planned, problem: null };
  } catch (thrown) {
    return { options: [], planned: false, problem: thrown instanceof Error ? thrown.message : String(thrown) };
  }
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
  if (job.problem !== null) {
    failUnreadable(turn, job, job.problem);
    return;
  }
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

/** One task tells why; the others are canceled with it. */
function failUnreadable(turn: Turn, job: Job, problem: string): void {
  const type = job.record.spec.variants.map((variant) => variant.type).join(' or ');
  const error: ErrorRecord = { code: 'INTERNAL', message: `${type} could not read the spec of this job: ${problem}`, hint: 'report it with the job' };
  const index = job.fresh.take();
  if (index < 0) {
    breakJob(turn, job, error);
    return;
  }
  settleFailed(turn, new Task(job, index), error, null);
  if (job.endedAtMs === null) endRest(turn, job, error);
}
