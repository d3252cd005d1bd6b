// What the API shows: jobs, tasks, attempts, workers, explanations, events. Units stand in the names; times are wall-clock
// milliseconds since 1970 (`…AtMs`).
import * as z from 'zod/mini';
import { blobRefSchema } from './artifacts.ts';
import { capabilitiesSchema, loadSchema, taskTypeSchema } from './capabilities.ts';
import { errorCodes } from './errors.ts';
import { attemptStates, jobStates, taskStates, workerStates } from './states.ts';
import { usageSchema } from './wire.ts';

const count = z.int().check(z.nonnegative());
const atMs = z.number();

export const errorRecordSchema = z.strictObject({ code: z.enum(errorCodes), message: z.string(), hint: z.optional(z.string()) });

export const countsSchema = z.strictObject({ total: count, succeeded: count, failed: count, canceled: count, active: count });

export const jobViewSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  owner: z.string(),
  types: z.array(taskTypeSchema),
  state: z.enum(jobStates),
  counts: countsSchema,
  priority: z.int(),
  labels: z.record(z.string(), z.string()),
  /** Cursor of this job's durable changes; pass it to `jobs.events` to resume. */
  seq: count,
  submittedAtMs: atMs,
  /** First time one of its tasks was started; null = not yet. */
  startedAtMs: z.nullable(atMs),
  endedAtMs: z.nullable(atMs),
  canceledAtMs: z.nullable(atMs),
  /** Attempts that were lost or failed and were made again, over all tasks. */
  repeatedAttempts: count,
  error: z.nullable(errorRecordSchema),
});
export type JobView = z.infer<typeof jobViewSchema>;

export const taskViewSchema = z.strictObject({
  id: z.string(),
  key: z.string(),
  index: count,
  state: z.enum(taskStates),
  /** Attempts made so far. */
  attempts: count,
  worker: z.nullable(z.string()),
  value: z.optional(z.unknown()),
  outputs: z.record(z.string(), blobRefSchema),
  exitCode: z.nullable(z.int()),
  log: z.nullable(blobRefSchema),
  error: z.nullable(errorRecordSchema),
  endedAtMs: z.nullable(atMs),
});
export type TaskView = z.infer<typeof taskViewSchema>;

export const attemptViewSchema = z.strictObject({
  task: z.string(),
  epoch: count,
  attempt: count,
  state: z.enum(attemptStates),
  worker: z.string(),
  workerName: z.string(),
  workerKind: z.enum(['browser', 'native']),
  blame: z.nullable(z.enum(['job', 'worker', 'fleet', 'system'])),
  error: z.nullable(errorRecordSchema),
  exitCode: z.nullable(z.int()),
  signal: z.nullable(z.string()),
  log: z.nullable(blobRefSchema),
  usage: z.nullable(usageSchema),
  assignedAtMs: atMs,
  endedAtMs: z.nullable(atMs),
});
export type AttemptView = z.infer<typeof attemptViewSchema>;

export const workerViewSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['browser', 'native']),
  host: z.string(),
  /** null = an anonymous donor */
  owner: z.nullable(z.string()),
  state: z.enum(workerStates),
  software: z.string(),
  capabilities: capabilitiesSchema,
  load: z.nullable(loadSchema),
  /** Attempts it holds now. */
  running: count,
  tasksDone: count,
  attemptsLost: count,
  firstSeenAtMs: atMs,
  lastSeenAtMs: atMs,
});
export type WorkerView = z.infer<typeof workerViewSchema>;

/** Why one check said no. `missingBy` measures the distance where the check compares numbers. */
export const reasonSchema = z.strictObject({
  code: z.enum([
    'TYPE',
    'POLICY',
    'MISSING_ATTR',
    'REQUIRES',
    'ISOLATION',
    'WEAK_LIMITS',
    'CPUS',
    'MEMORY',
    'DISK',
    'GPUS',
    'VRAM',
    'LOAD',
    'BUSY',
    'NOT_ONLINE',
    'EXCLUDED',
    'BARRED',
    'BLOCKED',
    'BACKOFF',
    'PAUSED',
  ]),
  message: z.string(),
  /** What would make this check pass, in words. */
  change: z.nullable(z.string()),
  missingBy: z.nullable(z.number()),
});
export type Reason = z.infer<typeof reasonSchema>;

export const explainViewSchema = z.strictObject({
  job: z.string(),
  /** Tasks that wait for a place. */
  waiting: count,
  verdict: z.enum(['running', 'waiting', 'unmatched', 'blocked', 'ended']),
  /** One sentence for a person. */
  summary: z.string(),
  /** Each worker's first failing check, per variant; workers that could take it have reason null. Bounded; `workersNotShown` counts the rest. */
  workers: z.array(
    z.strictObject({ worker: z.string(), name: z.string(), kind: z.enum(['browser', 'native']), variant: count, reason: z.nullable(reasonSchema) }),
  ),
  workersNotShown: count,
  /** How many workers fail each check. */
  tally: z.array(z.strictObject({ code: reasonSchema.shape.code, workers: count, message: z.string() })),
  nearest: z.nullable(z.strictObject({ worker: z.string(), name: z.string(), reason: reasonSchema, suggestion: z.string() })),
});
export type ExplainView = z.infer<typeof explainViewSchema>;

/** Durable changes carry the job's `seq`; progress and log lines do not (they are live only). */
export const jobEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('job'), seq: count, job: jobViewSchema }),
  z.strictObject({ type: z.literal('tasks'), seq: count, tasks: z.array(taskViewSchema) }),
  z.strictObject({
    type: z.literal('progress'),
    tasks: z.array(z.strictObject({ task: z.string(), attempt: count, worker: z.string(), progress: z.nullable(z.number()), note: z.optional(z.string()) })),
  }),
  z.strictObject({
    type: z.literal('log'),
    lines: z.array(z.strictObject({ task: z.string(), attempt: count, stream: z.enum(['stdout', 'stderr', 'udcs']), text: z.string() })),
  }),
]);
export type JobEvent = z.infer<typeof jobEventSchema>;

export const overviewSchema = z.strictObject({
  atMs,
  workers: z.strictObject({ browser: count, native: count, suspect: count, slots: count, busySlots: count }),
  tasks: z.strictObject({ queued: count, blocked: count, active: count }),
  jobs: z.strictObject({ running: count, queued: count }),
  /** Tasks that succeeded in the last minute, and in each of the last 60 seconds (oldest first). */
  throughput: z.strictObject({ lastMinute: count, perSecond: z.array(count) }),
  totals: z.strictObject({ tasksSucceeded: count, tasksFailed: count, attemptsLost: count, reportsDropped: count }),
});
export type Overview = z.infer<typeof overviewSchema>;

export const tokenViewSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** First characters of the secret, to recognise it by. */
  prefix: z.string(),
  owner: z.string(),
  scopes: z.array(z.enum(['admin', 'submit', 'read', 'work'])),
  createdAtMs: atMs,
  expiresAtMs: z.nullable(atMs),
  lastUsedAtMs: z.nullable(atMs),
  revokedAtMs: z.nullable(atMs),
});
export type TokenView = z.infer<typeof tokenViewSchema>;

export const inviteViewSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(['native', 'donate']),
  /** Owner that workers of this invite belong to; null for donate invites. */
  owner: z.nullable(z.string()),
  usesLeft: z.nullable(count),
  joined: count,
  createdAtMs: atMs,
  expiresAtMs: z.nullable(atMs),
  revokedAtMs: z.nullable(atMs),
});
export type InviteView = z.infer<typeof inviteViewSchema>;
