// A task that was tried, and its tries. Both exist by the hundred thousand, so they are small: what only a task with trouble needs
// lies in a history that all others share, and the name of an attempt is made when somebody asks for it.
import { type AttemptRef, type AttemptState, type HostId, type TaskKey, type TaskState, taskIdOf, type WorkerId } from '@udcs/protocol';
import type { Chain, Linked } from './chain.ts';
import type { Job, Need, Option, TaskClass } from './model.ts';
import type { Now } from './seam.ts';

/** What went wrong with a task so far. */
export interface History {
  /** Attempts taken back before they did anything; the hard cap leaves them out. */
  takenBack: number;
  failures: number;
  /** Attempts whose worker vanished while it ran them. */
  crashes: number;
  faults: number;
  /** Hosts to avoid. */
  hosts: readonly HostId[];
  crashHosts: readonly HostId[];
  /** Hosts that say the job itself is wrong. */
  blamedBy: readonly HostId[];
}

const NO_TROUBLE: Readonly<History> = Object.freeze({ takenBack: 0, failures: 0, crashes: 0, faults: 0, hosts: [], crashHosts: [], blamedBy: [] });
const NONE: readonly Attempt[] = [];

export class Task {
  readonly job: Job;
  readonly index: number;
  state: TaskState;
  /** Number of the newest attempt. */
  attempts = 0;
  /** The open attempt; a list only where there are several, or none. */
  private open: Attempt | readonly Attempt[] = NONE;
  /** Stands in a line of its job. */
  waiting = false;
  past: Readonly<History> = NO_TROUBLE;

  constructor(job: Job, index: number) {
    this.job = job;
    this.index = index;
    this.state = job.waitingFor === null ? 'ready' : 'blocked';
  }

  /** Its own history, to write in. */
  get history(): History {
    const own: History = this.past === NO_TROUBLE ? { ...NO_TROUBLE } : this.past;
    this.past = own;
    return own;
  }

  /** Open attempts, as of now: whoever walks over them may end them. */
  get live(): readonly Attempt[] {
    return this.open instanceof Attempt ? [this.open] : this.open;
  }

  opened(attempt: Attempt): void {
    this.open = this.open === NONE ? attempt : [...this.live, attempt];
  }

  closed(attempt: Attempt): void {
    const rest = this.live.filter((other) => other !== attempt);
    this.open = rest.length === 0 ? NONE : rest;
  }
}

export const keyOf = (job: Job, index: number): TaskKey => job.plan?.pieces[index]?.key ?? String(index);

export class Attempt implements Linked<Attempt> {
  readonly task: Task;
  readonly epoch: number;
  readonly number: number;
  readonly worker: WorkerId;
  readonly host: HostId;
  readonly need: Need;
  readonly taskClass: TaskClass;
  /** Shared by all attempts of a turn: two times for the price of one reference. */
  readonly assigned: Now;
  state: AttemptState = 'offered';
  startedMonoMs: number | null = null;
  /** Last time its worker said it has it. */
  listedMonoMs: number;
  progress: number | null = null;
  progressedMonoMs: number;
  /** Holds a slot and resources; false = prefetched, or its worker is not here. */
  hasRoom = false;
  revoking = false;
  journalled = false;
  /** Charged to its owner at the start. */
  chargedMs = 0;
  /** Set while its holder is awaited after a restart. */
  awaitedUntilMonoMs: number | null = null;
  chain: Chain<Attempt> | null = null;
  before: Attempt | null = null;
  after: Attempt | null = null;

  constructor(
    task: Task,
    name: { readonly epoch: number; readonly attempt: number },
    holder: { readonly id: WorkerId; readonly host: HostId },
    option: Option,
    assigned: Now,
  ) {
    this.task = task;
    this.epoch = name.epoch;
    this.number = name.attempt;
    this.worker = holder.id;
    this.host = holder.host;
    this.need = option.need;
    this.taskClass = option.taskClass;
    this.assigned = assigned;
    this.listedMonoMs = assigned.monoMs;
    this.progressedMonoMs = assigned.monoMs;
  }

  get ref(): AttemptRef {
    const { job, index } = this.task;
    return { task: taskIdOf(job.id, keyOf(job, index)), epoch: this.epoch, attempt: this.number };
  }
}
