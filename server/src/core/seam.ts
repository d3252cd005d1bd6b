// The seam of the pure core: what goes in (events, time), what comes out (facts to store, messages to send, when to wake it).
// The shell feeds it and obeys; the store writes the facts; the simulator drives all three. Nothing here has behaviour.
import type {
  Assignment,
  AttemptRef,
  AttemptState,
  Blame,
  BlobRef,
  Capabilities,
  Digest,
  Entry,
  ErrorRecord,
  HostId,
  JobId,
  JobSpec,
  Load,
  TaskKey,
  TaskState,
  ToWorker,
  Usage,
  WorkerId,
  WorkerReport,
} from '@udcs/protocol';

/** Two clocks: leases, time-outs and back-off compare `monoMs`; `wallMs` is stored and shown. */
export interface Now {
  readonly monoMs: number;
  readonly wallMs: number;
}

/** A job as stored and scheduled. */
export interface JobRecord {
  readonly id: JobId;
  readonly owner: string;
  readonly spec: JobSpec;
  /** JSON of `spec` while somebody has it at hand; it is made once and used for the row and the header. */
  readonly specText?: string;
  readonly submittedAtMs: number;
  /** Upstream jobs (`after`, `afterAny`) that had ended when it was committed, with how. The core knows the others. */
  readonly upstreamEnded: Readonly<Record<string, 'succeeded' | 'failed' | 'canceled'>>;
}

export interface WorkerIntroduction {
  readonly worker: WorkerId;
  readonly host: HostId;
  readonly kind: 'browser' | 'native';
  readonly name: string;
  readonly instance: string;
  readonly software: string;
  /** null = anonymous donor: nothing is trusted there except what everybody may run. */
  readonly owner: string | null;
  /** /24 or /48 of its address, for spread; never shown. */
  readonly network: string;
  readonly capabilities: Capabilities;
  readonly load: Load;
  readonly cached: readonly Digest[];
  /** Attempts it says it still has, whose grant the shell has verified. */
  readonly holding: readonly { readonly ref: AttemptRef; readonly state: 'offered' | 'running' | 'finished' }[];
  /** Held attempts whose grant did not verify; answered as dropped. */
  readonly unproven: readonly AttemptRef[];
}

export type CoreEvent =
  /** After its commit. */
  | { readonly type: 'job.submitted'; readonly job: JobRecord }
  /** After its commit. */
  | { readonly type: 'job.canceled'; readonly job: JobId; readonly atMs: number }
  /** The same worker id again = a reconnect. A host's other workers of an older instance have been closed by the shell. */
  | { readonly type: 'worker.joined'; readonly introduction: WorkerIntroduction }
  | {
      readonly type: 'worker.renewed';
      readonly worker: WorkerId;
      readonly load: Load;
      readonly attempts: readonly { readonly ref: AttemptRef; readonly progress: number | null }[];
    }
  | { readonly type: 'worker.capabilities'; readonly worker: WorkerId; readonly capabilities: Capabilities }
  | { readonly type: 'worker.cached'; readonly worker: WorkerId; readonly added: readonly Digest[]; readonly dropped: readonly Digest[] }
  /** `log` is taken out by the shell before. */
  | { readonly type: 'worker.reported'; readonly worker: WorkerId; readonly report: Omit<WorkerReport, 'type' | 'log'> }
  | { readonly type: 'worker.intent'; readonly worker: WorkerId; readonly intent: 'drain' | 'resume' | 'leave' }
  /** Its socket closed; `replaced` = by a newer instance of the same host, no grace. */
  | { readonly type: 'worker.closed'; readonly worker: WorkerId; readonly replaced: boolean }
  /** The coordinator drains: no new assignments from here on. */
  | { readonly type: 'drain' }
  /** The store refused a fact: what it holds for these jobs, read back. */
  | { readonly type: 'jobs.reloaded'; readonly jobs: readonly JobSnapshot[]; readonly gone: readonly JobId[] }
  /** Time passed; fire what is due. */
  | { readonly type: 'tick' };

/** One try, as kept for ever. */
export interface AttemptRecord extends AttemptRef {
  readonly worker: WorkerId;
  readonly state: AttemptState;
  readonly blame: Blame | null;
  readonly error: ErrorRecord | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly log: BlobRef | null;
  readonly usage: Usage | null;
  readonly assignedAtMs: number;
  readonly endedAtMs: number | null;
}

/** One durable change. Facts of one commit group are applied in order; guards refuse and report, they never abort the group. */
export type Fact =
  /** A task reached its end. Guard: the row is absent or not terminal. `by` = the attempt that settled it (its record is not repeated as attempt.ended). */
  | {
      readonly type: 'task.settled';
      readonly job: JobId;
      readonly key: TaskKey;
      readonly index: number;
      readonly seq: number;
      readonly state: Extract<TaskState, 'succeeded' | 'failed' | 'canceled'>;
      readonly attempts: number;
      readonly by: AttemptRecord | null;
      readonly value: unknown;
      readonly outputs: Readonly<Record<string, BlobRef>>;
      readonly error: ErrorRecord | null;
      readonly endedAtMs: number;
    }
  /** Absolute counters after the change; within a group the one with the highest seq wins. */
  | {
      readonly type: 'job.counted';
      readonly job: JobId;
      readonly seq: number;
      readonly total: number;
      readonly succeeded: number;
      readonly failed: number;
      readonly canceled: number;
      readonly repeated: number;
      readonly startedAtMs: number | null;
      /** Set when the job ended; a job with this is terminal. */
      readonly endedAtMs: number | null;
      readonly error: ErrorRecord | null;
    }
  /** A plan took a step: its state and the pieces it added, in the commit of the settlement that caused it. */
  | {
      readonly type: 'plan.stepped';
      readonly job: JobId;
      readonly seq: number;
      readonly state: unknown;
      readonly done: boolean;
      readonly wakeAtMs: number | null;
      readonly added: readonly PieceRecord[];
    }
  /** Journal: open for more than limits.journalAfterMs; nobody waits for it. Guard: the task is not terminal. */
  | { readonly type: 'attempt.opened'; readonly ref: AttemptRef; readonly worker: WorkerId; readonly host: HostId; readonly assignedAtMs: number }
  | { readonly type: 'attempt.ended'; readonly job: JobId; readonly seq: number; readonly record: AttemptRecord }
  | { readonly type: 'worker.seen'; readonly introduction: Omit<WorkerIntroduction, 'holding' | 'unproven' | 'load' | 'cached'>; readonly atMs: number }
  | { readonly type: 'worker.gone'; readonly worker: WorkerId; readonly atMs: number; readonly tasksDone: number; readonly attemptsLost: number };

export interface PieceRecord {
  readonly key: TaskKey;
  /** Ordinal in the job, from 0 in the order of adding. */
  readonly index: number;
  readonly spec: Record<string, unknown>;
  readonly entry: Entry | null;
}

/** What the core says to a worker. The shell adds job headers, array entries kept in artifacts, and the MAC to `assign`. */
export type CoreMessage =
  | { readonly type: 'assign'; readonly tasks: readonly Assignment[] }
  | Extract<ToWorker, { type: 'welcome' | 'ack' | 'cancel' | 'revoke' }>;

export interface Send {
  readonly to: WorkerId;
  readonly message: CoreMessage;
  /** `commit`: only after the facts of this outcome are durable. */
  readonly after: 'commit' | 'now';
}

export interface Outcome {
  readonly facts: Fact[];
  readonly sends: Send[];
  /** monoMs at which the core wants a `tick`, or null. */
  readonly wakeAtMs: number | null;
}

/** A non-terminal job read back from the store: at boot, or after a refused fact. */
export interface JobSnapshot {
  readonly job: JobRecord;
  readonly seq: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
  readonly repeated: number;
  readonly startedAtMs: number | null;
  readonly canceledAtMs: number | null;
  /** Indexes of terminal tasks, as sorted, disjoint, inclusive ranges. */
  readonly settled: readonly (readonly [from: number, to: number])[];
  /** Unsettled tasks that have ended attempts. `attempts` is the highest attempt number among them. */
  readonly tried: readonly {
    readonly key: TaskKey;
    readonly attempts: number;
    readonly failures: number;
    readonly lost: number;
    readonly hosts: readonly HostId[];
  }[];
  /** Journalled attempts that were open when the coordinator stopped. */
  readonly open: readonly { readonly ref: AttemptRef; readonly worker: WorkerId; readonly host: HostId; readonly assignedAtMs: number }[];
  readonly plan: { readonly state: unknown; readonly done: boolean; readonly wakeAtMs: number | null; readonly pieces: readonly PieceRecord[] } | null;
}

export interface BootSnapshot {
  /** Already raised for this start. */
  readonly epoch: number;
  readonly jobs: readonly JobSnapshot[];
  /** Jobs in `after` or `afterAny` of a non-terminal job that have ended. */
  readonly ended: Readonly<Record<string, 'succeeded' | 'failed' | 'canceled'>>;
}
