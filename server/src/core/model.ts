// The things the core remembers: fleet, jobs, tasks, attempts, workers. Data only; who changes what stands in the file named
// after the reason. Times called …MonoMs compare, times called …AtMs are stored and shown.
import type {
  Assignment,
  Capabilities,
  Digest,
  ErrorCode,
  ErrorRecord,
  HostId,
  IsolationLevel,
  JobId,
  Load,
  Predicate,
  TaskKey,
  TaskTypeName,
  WorkerId,
  WorkerState,
} from '@udcs/protocol';
import type { TaskType } from '@udcs/tasks';
import type { Bits } from './bits.ts';
import type { Chain, Linked } from './chain.ts';
import type { Fifo } from './fifo.ts';
import type { SeededRandom } from './random.ts';
import type { Ranges } from './ranges.ts';
import type { JobRecord, PieceRecord, WorkerIntroduction } from './seam.ts';
import type { Attempt, Task } from './task.ts';
import type { Timers } from './timers.ts';

export type { Attempt, Task } from './task.ts';

/** What the core asks of a task type. */
export type TypeRules = Pick<TaskType, 'alternatives' | 'isolation' | 'plan' | 'isPlanned'>;
export type TypeLookup = (name: TaskTypeName) => TypeRules | undefined;

/** What one variant and one alternative of a job asks of a worker. */
export interface Need {
  readonly type: TaskTypeName;
  readonly requires: readonly Predicate[];
  /** `load.*` predicates: looked at when a task is placed. */
  readonly live: readonly Predicate[];
  readonly isolationMin: IsolationLevel;
  /** Level the executor of this type always gives. */
  readonly typeIsolation: IsolationLevel | null;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly gpus: number;
  readonly vramBytes: number;
}

/** All needs that the same workers can meet. Byte needs are rounded down to ⅛ octave here; the exact need is checked when a task is taken. */
export interface TaskClass {
  id: number;
  readonly key: string;
  readonly need: Need;
  /** Buckets whose workers may run it for their own owner, and for anybody. */
  readonly trustedBuckets: Bits;
  readonly untrustedBuckets: Bits;
  /** Jobs that stand in it. */
  jobs: number;
  /** Lines of it that hold a job with openings. */
  lines: number;
  /** Openings added since the idle workers were last asked. */
  added: number;
  /** Turn in which it last got openings. */
  dirtyTurn: number;
}

/** Workers with equal static capabilities. */
export interface Bucket {
  id: number;
  readonly key: string;
  readonly kind: 'browser' | 'native';
  readonly capabilities: Capabilities;
  readonly trustedClasses: Bits;
  readonly untrustedClasses: Bits;
  readonly workers: Set<Worker>;
  /** Workers that found nothing: [with a free slot, with only room to prefetch]; oldest first. */
  readonly parked: readonly [Set<Worker>, Set<Worker>];
}

/** One way to run a job: a variant with one set of its hard wishes. */
export interface Option {
  readonly variant: number;
  readonly taskClass: TaskClass;
  readonly need: Need;
  /** The exact bytes are more than the class says: they are looked at when a task is taken. */
  readonly exact: boolean;
}

export interface QueueNode {
  readonly job: Job;
  readonly option: Option;
  readonly line: Line;
  previous: QueueNode | null;
  next: QueueNode | null;
}

/** Jobs of one owner, priority and class that have openings, in order of arrival. */
export interface Line {
  readonly lane: Lane;
  readonly taskClass: TaskClass;
  head: QueueNode | null;
  tail: QueueNode | null;
}

/** Everything one owner has queued at one priority. */
export interface Lane {
  readonly owner: Owner;
  readonly priority: number;
  readonly lines: Map<number, Line>;
  readonly nonEmpty: Bits;
  /** Where the last search of the classes ended, so that every class gets its turn. */
  rotor: number;
  lineCount: number;
}

export interface Owner {
  readonly name: string;
  /** Its share next to others; 1 unless said otherwise. */
  readonly weight: number;
  /** Work received, in weighted milliseconds; the lowest is served first. */
  receivedMs: number;
}

export interface RetryLine {
  readonly hosts: readonly HostId[];
  readonly tasks: Task[];
  /** Whether an excluded host must do, as of that topology. */
  fallback: boolean;
  fallbackTopology: number;
}

export interface PlanRun {
  state: unknown;
  done: boolean;
  wakeAtMs: number | null;
  readonly pieces: PieceRecord[];
  readonly byKey: Map<TaskKey, number>;
}

export interface Job {
  readonly id: JobId;
  readonly record: JobRecord;
  readonly owner: Owner;
  /** Read from the spec once: what placing looks at. */
  readonly inputDigests: readonly Digest[];
  options: readonly Option[];
  /** Why its task types can not read its spec. */
  readonly problem: string | null;
  nodes: QueueNode[] | null;
  seq: number;
  total: number;
  succeeded: number;
  failed: number;
  canceled: number;
  repeated: number;
  startedAtMs: number | null;
  canceledAtMs: number | null;
  endedAtMs: number | null;
  error: ErrorRecord | null;
  readonly fresh: Ranges;
  /** Tasks that have or had an attempt and are not settled. */
  readonly tasks: Map<number, Task>;
  settled: Bits | null;
  /** Tasks with a live attempt. */
  active: number;
  /** Ready tasks that had an attempt before, by the hosts they must avoid. */
  retries: Map<string, RetryLine> | null;
  retryCount: number;
  waitingFor: Set<JobId> | null;
  plan: PlanRun | null;
  /** Mean task time per worker, and over all. */
  pace: Map<WorkerId, number> | null;
  paceMs: number | null;
}

export interface Ledger {
  slots: number;
  cpus: number;
  memoryBytes: number;
  diskBytes: number;
  gpus: number;
  vramBytes: number;
}

export type Introduction = Omit<WorkerIntroduction, 'holding' | 'unproven' | 'load' | 'cached'>;

export interface Worker extends Linked<Worker> {
  readonly id: WorkerId;
  readonly host: HostId;
  readonly owner: string | null;
  introduction: Introduction;
  bucket: Bucket | null;
  state: WorkerState;
  drained: boolean;
  load: Load;
  readonly cached: Set<Digest>;
  readonly attempts: Chain<Attempt>;
  /** Ended here, not yet answered by the worker: they keep their room. */
  readonly ending: Map<string, Attempt>;
  used: Ledger;
  /** All there is to use. */
  capacity: Ledger;
  /** Attempts without room, oldest first; canceled ones stay until they are answered. */
  readonly prefetched: Fifo<Attempt>;
  /** Slots it gets at its present load. */
  effectiveSlots: number;
  /** Share of one slot when the load leaves less than one; 1 otherwise. */
  dutyShare: number;
  restUntilMonoMs: number;
  /** Classes it refused since its last capabilities. */
  barred: Set<TaskClass> | null;
  /** Mean task time per class. */
  pace: Map<TaskClass, number> | null;
  lastHeardMonoMs: number;
  closedMonoMs: number | null;
  timerMonoMs: number;
  /** Speed times what its load leaves; orders who is served first. */
  quality: number;
  /** Assigned to it in this turn of placing. */
  offers: Assignment[] | null;
  parkedTurn: number;
  parkedIn: Set<Worker> | null;
  tasksDone: number;
  attemptsLost: number;
  firstSeenAtMs: number;
  lastSeenAtMs: number;
}

/** Reports that changed nothing, by reason. */
export interface DropCounters {
  unknownWorker: number;
  unknownAttempt: number;
  foreign: number;
  late: number;
}

export interface Fleet {
  epoch: number;
  readonly random: SeededRandom;
  readonly types: TypeLookup;
  readonly weightOf: (owner: string) => number;
  readonly timers: Timers;
  readonly jobs: Map<JobId, Job>;
  readonly workers: Map<WorkerId, Worker>;
  readonly owners: Map<string, Owner>;
  /** Priority → lanes; `priorities` is sorted, highest first. */
  readonly lanes: Map<number, Lane[]>;
  priorities: number[];
  readonly classes: Map<string, TaskClass>;
  readonly classById: (TaskClass | undefined)[];
  readonly buckets: Map<string, Bucket>;
  readonly bucketById: (Bucket | undefined)[];
  /** Measured attributes that some job has asked for: only they tell buckets apart. */
  readonly measuredNames: Set<string>;
  /** Buckets with parked workers, by kind of room. */
  readonly parkedBuckets: readonly [Bits, Bits];
  readonly dirty: Set<TaskClass>;
  /** Workers that may have room for more. */
  readonly wanting: Chain<Worker>;
  /** Workers that hold prefetched attempts. */
  readonly hoarders: Set<Worker>;
  readonly dependents: Map<JobId, Job[]>;
  /** How recently ended jobs ended, for a submit that was committed before their end was. Oldest first, bounded. */
  readonly ended: Map<JobId, 'succeeded' | 'failed' | 'canceled'>;
  /** Attempts not yet journalled, oldest first. */
  journal: Attempt[];
  journalFirst: number;
  journalArmed: boolean;
  draining: boolean;
  turn: number;
  /** Rises whenever a worker comes, goes or changes. */
  topology: number;
  readonly counters: {
    readonly dropped: DropCounters;
    readonly rejectedByCode: Map<ErrorCode, number>;
    assigned: number;
    tasksSucceeded: number;
    tasksFailed: number;
    attemptsLost: number;
    revoked: number;
  };
}
