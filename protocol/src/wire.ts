// The whole contract between coordinator and workers: JSON text frames ≤ 1 MiB on one WebSocket at /ws/worker, each frame one
// member of these two unions. Frames carry arrays of records. Bytes go by HTTP, except outputs ≤ 64 KiB:
//   GET /artifacts/<digest>                          an input or code artifact      (worker key as bearer token,
//   GET /artifacts/outputs/<job>/<index>/<output>    an upstream job's output        `x-udcs-attempt: <task>/<epoch>/<attempt>`)
//   PUT /artifacts/<digest>                          an output larger than 64 KiB
// Adding an optional field is compatible; anything else raises PROTOCOL_VERSION. Golden files: tests/conformance/protocol.
import * as z from 'zod/mini';
import { blobRefSchema, digestSchema } from './artifacts.ts';
import { capabilitiesSchema, loadSchema } from './capabilities.ts';
import { errorCodes } from './errors.ts';
import { jobIdSchema, taskIdSchema, workerIdSchema } from './ids.ts';
import { entrySchema } from './job.ts';
import { limits } from './limits.ts';

export const PROTOCOL_VERSION = 1;
/** WebSocket sub-protocol of /ws/worker; the worker key travels in the first frame, never in the URL. */
export const WORKER_SUBPROTOCOL = 'udcs.worker.v1';

const count = z.int().check(z.nonnegative());
const ms = z.number().check(z.nonnegative());
const short = z.string().check(z.maxLength(200));
const records = <T extends z.core.SomeType>(item: T) => z.array(item).check(z.maxLength(limits.recordsPerFrame));

/** Names one try of a task. `epoch` is the coordinator's start number when it was assigned. Every record about an attempt spreads it. */
export const attemptRefSchema = { task: taskIdSchema, epoch: count, attempt: z.int().check(z.minimum(1)) };
const attemptRef = z.strictObject(attemptRefSchema);
export type AttemptRef = z.infer<typeof attemptRef>;

/** Proof that these attempts were assigned to this worker: HMAC-SHA-256 over (worker, instance, attempts) under the coordinator's persisted key. */
export const grantSchema = z.strictObject({ attempts: records(attemptRef), mac: z.string().check(z.maxLength(64)) });
export type Grant = z.infer<typeof grantSchema>;

/** What an attempt used; unknown numbers are null. */
export const usageSchema = z.strictObject({
  wallMs: ms,
  cpuMs: z.nullable(ms),
  gpuMs: z.nullable(ms),
  peakMemoryBytes: z.nullable(count),
  /** Versions and drivers that took part, by name, for provenance. */
  versions: z.record(short, short),
});
export type Usage = z.infer<typeof usageSchema>;

/** Small result of a task: JSON ≤ 16 KiB. */
const valueSchema = z.unknown();

const successSchema = z.strictObject({
  ...attemptRefSchema,
  value: z.optional(valueSchema),
  /** name → bytes; ≤ 64 KiB inline, larger were uploaded before this report. */
  outputs: z.record(short, blobRefSchema),
  exitCode: z.nullable(z.int()),
  /** The attempt's log (stdout and stderr interleaved), when it wrote any. */
  log: z.nullable(blobRefSchema),
  usage: usageSchema,
});
export type SuccessReport = z.infer<typeof successSchema>;

const failureSchema = z.strictObject({
  ...attemptRefSchema,
  code: z.enum(errorCodes),
  message: z.string().check(z.maxLength(4_000)),
  exitCode: z.nullable(z.int()),
  signal: z.nullable(short),
  log: z.nullable(blobRefSchema),
  usage: z.nullable(usageSchema),
});
export type FailureReport = z.infer<typeof failureSchema>;

export const holdingSchema = z.strictObject({ ...attemptRefSchema, state: z.enum(['offered', 'running', 'finished']) });

export const helloSchema = z.strictObject({
  type: z.literal('hello'),
  /** Versions the worker speaks, best first. */
  versions: z.array(z.int()).check(z.minLength(1), z.maxLength(16)),
  /** Worker key from the join exchange. */
  key: z.string().check(z.maxLength(200)),
  kind: z.enum(['browser', 'native']),
  /** Human name of the machine or browser profile. */
  name: short,
  /** Stable per machine or browser profile: SHA-256 of its public key, hex. */
  hostKey: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  /** Random per start of the worker; the same instance on a new socket replaces the old socket. */
  instance: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  software: short,
  capabilities: capabilitiesSchema,
  load: loadSchema,
  /** Digests in the worker's cache, newest first, as far as they fit. */
  cached: z.array(digestSchema).check(z.maxLength(1_000)),
  /** Attempts it still has from before, with the grants that prove them. */
  holding: records(holdingSchema),
  grants: z.array(grantSchema).check(z.maxLength(256)),
});
export type Hello = z.infer<typeof helloSchema>;

export const fromWorkerSchema = z.discriminatedUnion('type', [
  helloSchema,
  /** Every 5 s: extends all leases at once and carries the live load. */
  z.strictObject({
    type: z.literal('renew'),
    load: loadSchema,
    attempts: records(z.strictObject({ ...attemptRefSchema, progress: z.nullable(z.number().check(z.minimum(0), z.maximum(1))), note: z.optional(short) })),
  }),
  /** Capabilities or policy changed (driver, owner setting, room). */
  z.strictObject({ type: z.literal('capabilities'), capabilities: capabilitiesSchema }),
  /** Everything that happened to attempts, in order of happening inside each list. */
  z.strictObject({
    type: z.literal('report'),
    started: z.optional(records(attemptRef)),
    succeeded: z.optional(records(successSchema)),
    failed: z.optional(records(failureSchema)),
    /** Offers the worker will not run; nothing was executed. */
    rejected: z.optional(records(z.strictObject({ ...attemptRefSchema, code: z.enum(errorCodes), message: z.string().check(z.maxLength(1_000)) }))),
    /** Ended because the coordinator or the owner said so; nothing more will come. */
    released: z.optional(records(attemptRef)),
    checkpoints: z.optional(records(z.strictObject({ ...attemptRefSchema, digest: digestSchema }))),
    log: z.optional(
      records(z.strictObject({ ...attemptRefSchema, stream: z.enum(['stdout', 'stderr', 'udcs']), text: z.string().check(z.maxLength(limits.logLineBytes)) })),
    ),
  }),
  z.strictObject({
    type: z.literal('cache'),
    added: z.array(digestSchema).check(z.maxLength(1_000)),
    dropped: z.array(digestSchema).check(z.maxLength(1_000)),
  }),
  /** drain = finish what it holds, take nothing new; resume = take work again; leave = hand everything back now (pagehide, second Ctrl-C). */
  z.strictObject({ type: z.literal('intent'), intent: z.enum(['drain', 'resume', 'leave']), reason: z.optional(short) }),
]);
export type FromWorker = z.infer<typeof fromWorkerSchema>;
export type WorkerReport = Extract<FromWorker, { type: 'report' }>;
export type Renewal = Extract<FromWorker, { type: 'renew' }>;

const assignmentSchema = z.strictObject({
  ...attemptRefSchema,
  /** Position in the job's variants. */
  variant: count,
  /** Array index, or the ordinal of a plan's piece. */
  index: count,
  entry: z.optional(entrySchema),
  /** Spec of a plan's piece; replaces the variant's spec. */
  spec: z.optional(z.record(z.string(), z.unknown())),
  resumeFrom: z.optional(digestSchema),
});
export type Assignment = z.infer<typeof assignmentSchema>;

/** The part of a job a worker needs; sent once per frame for the jobs it assigns. `job` is a JobSpec (job.ts). */
const jobHeaderSchema = z.strictObject({ id: jobIdSchema, owner: short, trusted: z.boolean(), job: z.record(z.string(), z.unknown()) });
export type JobHeader = z.infer<typeof jobHeaderSchema>;

export const toWorkerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('welcome'),
    version: z.int(),
    worker: workerIdSchema,
    epoch: count,
    leaseMs: ms,
    renewMs: ms,
    /** Of `holding`: these go on under a fresh lease. */
    adopted: records(attemptRef),
    /** Of `holding`: these are void; stop them and drop their results. */
    dropped: records(attemptRef),
  }),
  /** The connection or the hello was refused; the socket closes after this. `retryMs` null = do not try again. */
  z.strictObject({ type: z.literal('refused'), code: z.enum(errorCodes), message: z.string().check(z.maxLength(1_000)), retryMs: z.nullable(ms) }),
  z.strictObject({ type: z.literal('assign'), jobs: records(jobHeaderSchema), tasks: records(assignmentSchema), mac: z.string().check(z.maxLength(64)) }),
  /** Results are durable (or void): the worker may forget them. */
  z.strictObject({ type: z.literal('ack'), attempts: records(attemptRef) }),
  /** Stop these now; answer `released`. */
  z.strictObject({ type: z.literal('cancel'), attempts: records(attemptRef), reason: z.enum(['canceled', 'superseded', 'lease', 'timeout', 'stale']) }),
  /** Give these back if they have not started; answer `released`, or go on and report. */
  z.strictObject({ type: z.literal('revoke'), attempts: records(attemptRef) }),
  /** The coordinator stops: finish, report, reconnect later. */
  z.strictObject({ type: z.literal('draining'), retryMs: ms }),
]);
export type ToWorker = z.infer<typeof toWorkerSchema>;

/** WebSocket close codes we use. */
export const closeCodes = { protocol: 1008, tooLarge: 1009, overloaded: 1013, replaced: 4001, refused: 4003 } as const;

/** Bytes a grant's MAC covers: worker, instance and every attempt, unambiguous because no part can hold a newline. */
export const grantText = (worker: string, instance: string, attempts: readonly AttemptRef[]): string =>
  [worker, instance, ...attempts.map((attempt) => `${attempt.task}/${attempt.epoch}/${attempt.attempt}`)].join('\n');
