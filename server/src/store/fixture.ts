// Jobs and facts for tests and benches of the store: small, valid, distinct.
import { type JobId, type JobSpec, jobDefaults, makeId, taskIdOf, type WorkerId } from '@udcs/protocol';
import type { AttemptRecord, Fact } from '../core/seam.ts';
import type { SubmitRow } from './store.ts';

let made = 0;

/** Ids in order; the "random" part is a counter, so that a failing test says the same thing twice. */
export function nextId<P extends 'job' | 'wkr' | 'hst' | 'tok' | 'own'>(prefix: P): `${P}_${string}` {
  made += 1;
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(6, made);
  return makeId(prefix, 1_700_000_000_000 + made, random);
}

export const WORKER = nextId('wkr') as WorkerId;

function specOf(patch: Partial<JobSpec> = {}): JobSpec {
  return {
    name: 'test',
    variants: [{ type: 'MOCK', spec: { runMs: 0 }, requires: [] }],
    count: 1,
    entries: null,
    isArray: false,
    after: [],
    afterAny: [],
    inputs: [],
    outputs: [],
    requires: [],
    prefers: [],
    resources: { ...jobDefaults.resources },
    timeouts: { ...jobDefaults.timeouts },
    maxAttempts: jobDefaults.maxAttempts,
    isolationMin: 'none',
    maxFailures: null,
    deadlineAtMs: null,
    priority: jobDefaults.priority,
    labels: {},
    ...patch,
  };
}

export function submitRow(patch: Partial<JobSpec> = {}, more: { owner?: string; key?: string; hash?: string } = {}): SubmitRow {
  return {
    job: { id: nextId('job') as JobId, owner: more.owner ?? 'ada', spec: specOf(patch), submittedAtMs: 1_700_000_000_000 },
    idempotencyKey: more.key ?? null,
    payloadHash: more.hash ?? 'hash',
  };
}

export const attemptOf = (job: JobId, key: string, patch: Partial<AttemptRecord> = {}): AttemptRecord => ({
  task: taskIdOf(job, key),
  epoch: 1,
  attempt: 1,
  worker: WORKER,
  state: 'succeeded',
  blame: null,
  error: null,
  exitCode: 0,
  signal: null,
  log: null,
  usage: null,
  assignedAtMs: 1,
  endedAtMs: 2,
  ...patch,
});

type Settled = Extract<Fact, { type: 'task.settled' }>;
type Counted = Extract<Fact, { type: 'job.counted' }>;

export const settled = (job: JobId, index: number, seq: number, patch: Partial<Settled> = {}): Settled => ({
  type: 'task.settled',
  job,
  key: String(index),
  index,
  seq,
  state: 'succeeded',
  attempts: 1,
  by: attemptOf(job, String(index)),
  value: { index },
  outputs: {},
  error: null,
  endedAtMs: 2,
  ...patch,
});

export const counted = (job: JobId, seq: number, patch: Partial<Counted> = {}): Counted => ({
  type: 'job.counted',
  job,
  seq,
  total: 1,
  succeeded: 0,
  failed: 0,
  canceled: 0,
  repeated: 0,
  startedAtMs: 1,
  endedAtMs: null,
  error: null,
  ...patch,
});
