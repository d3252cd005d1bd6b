// A worker as the wire contract wants it: keeps results until they are acknowledged, re-sends after a reconnect, shows its
// grants, hands back what it is told to. It crashes, freezes and loses its line when the world says so.
import type { AttemptRef, Capabilities, FromWorker, Grant, Load, ToWorker, WorkerId, WorkerReport } from '@udcs/protocol';
import type { Agenda, Planned } from './agenda.ts';
import type { Random } from './random.ts';
import type { Socket, WorkerEnd } from './socket.ts';

type Assigned = Extract<ToWorker, { type: 'assign' }>['tasks'][number];

export interface Held {
  readonly ref: AttemptRef;
  state: 'offered' | 'running' | 'finished';
  report: WorkerReport | null;
  timer: Planned | null;
}

export interface WorkerHabits {
  /** Time a task takes here. */
  readonly taskMs: { readonly least: number; readonly most: number };
  readonly failChance: number;
  readonly rejectChance: number;
  readonly slots: number;
}

export interface WorkerOutside {
  readonly agenda: Agenda;
  readonly random: Random;
  /** Nothing fails any more. */
  healthy(): boolean;
  /** A new connection, or null when the coordinator can not be reached now. */
  connect(worker: SimWorker, end: WorkerEnd): Socket | null;
  refused(worker: SimWorker, code: string, message: string): void;
  executed(worker: SimWorker, ref: AttemptRef): void;
  said(worker: SimWorker, message: FromWorker): void;
}

export const keyOf = (ref: AttemptRef): string => `${ref.task}/${ref.epoch}/${ref.attempt}`;
const refOf = ({ task, epoch, attempt }: AttemptRef): AttemptRef => ({ task, epoch, attempt });
const USAGE = { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} };

export class SimWorker {
  readonly name: string;
  readonly key: string;
  readonly hostKey: string;
  instance: string;
  id: WorkerId | null = null;
  running = true;
  readonly held = new Map<string, Held>();
  protected grants: Grant[] = [];
  protected socket: Socket | null = null;
  protected readonly outside: WorkerOutside;
  private welcomed = false;
  private frozenUntilMs = 0;
  private readonly habits: WorkerHabits;
  private renewMs = 5_000;
  private retry: Planned | null = null;
  /** Rises with every crash: what an earlier start had planned does not happen. */
  private start = 0;
  /** Rises with every connection. */
  private line = 0;

  constructor(name: string, identity: { key: string; hostKey: string; instance: string }, habits: WorkerHabits, outside: WorkerOutside) {
    this.name = name;
    this.key = identity.key;
    this.hostKey = identity.hostKey;
    this.instance = identity.instance;
    this.habits = habits;
    this.outside = outside;
  }

  get slots(): number {
    return this.habits.slots;
  }

  get online(): boolean {
    return this.welcomed && this.socket !== null;
  }

  /** For failures: where it stands. */
  get situation(): string {
    return `${this.name} ${this.running ? 'up' : 'down'}, ${this.socket === null ? 'no line' : this.welcomed ? 'joined' : 'greeting'}, ${this.retry === null ? 'no retry' : 'retrying'}, holds ${this.held.size}`;
  }

  reconnect(inMs: number): void {
    if (this.retry !== null) this.retry.canceled = true;
    this.retry = this.later(Math.max(1, inMs), () => {
      this.retry = null;
      if (this.socket !== null) return;
      this.line++;
      this.welcomed = false;
      this.socket = this.outside.connect(this, this.ends(this.line));
      if (this.socket === null) this.reconnect(this.outside.random.int(200, 2_000));
      else this.say(this.hello());
    });
  }

  /** Power off: everything in memory is gone; it starts again as a new instance. */
  crash(backInMs: number): void {
    this.start++;
    this.running = false;
    this.held.clear();
    this.grants = [];
    this.id = null;
    this.retry = null;
    this.dropLine(this.outside.random.chance(0.6));
    const { start } = this;
    this.outside.agenda.in(backInMs, () => {
      if (start !== this.start) return;
      this.running = true;
      this.instance = this.outside.random.hex(32);
      this.reconnect(0);
    });
  }

  /** Stopped (SIGSTOP, a sleeping laptop): nothing moves until then, and everything is late. */
  freeze(forMs: number): void {
    this.frozenUntilMs = Math.max(this.frozenUntilMs, this.outside.agenda.nowMs + forMs);
  }

  cutLine(coordinatorNotices: boolean): void {
    if (this.outside.random.chance(0.5)) this.socket?.break(coordinatorNotices);
    else {
      this.dropLine(coordinatorNotices);
      this.reconnect(this.outside.random.int(0, 4_000));
    }
  }

  intend(intent: 'drain' | 'resume' | 'leave'): void {
    if (!this.online) return;
    this.say({ type: 'intent', intent });
    if (intent !== 'leave') return;
    // The tab is gone with everything it held.
    this.start++;
    this.held.clear();
    this.grants = [];
    this.id = null;
    this.socket?.close();
    this.socket = null;
    this.welcomed = false;
    this.instance = this.outside.random.hex(32);
    this.reconnect(this.outside.random.int(500, 10_000));
  }

  /** Faults stopped: says again what it can, so that refusals of before are forgotten. */
  recover(): void {
    this.frozenUntilMs = Math.min(this.frozenUntilMs, this.outside.agenda.nowMs);
    if (!this.running) return;
    this.intend('resume');
    if (this.online) this.say({ type: 'capabilities', capabilities: this.capabilities() });
    else if (this.socket === null && this.retry === null) this.reconnect(100);
  }

  protected say(message: FromWorker): void {
    if (this.socket === null) return;
    this.outside.said(this, message);
    this.socket.send(JSON.stringify(message));
  }

  protected hello(): FromWorker {
    const alive = new Set(this.held.keys());
    this.grants = this.grants.filter((grant) => grant.attempts.some((ref) => alive.has(keyOf(ref))));
    return {
      type: 'hello',
      versions: [1],
      key: this.key,
      kind: 'native',
      name: this.name,
      hostKey: this.hostKey,
      instance: this.instance,
      software: 'sim/1',
      capabilities: this.capabilities(),
      load: this.load(),
      cached: [],
      holding: [...this.held.values()].map(({ ref, state }) => ({ ...ref, state })),
      grants: this.grants,
    };
  }

  protected welcome(message: Extract<ToWorker, { type: 'welcome' }>): void {
    this.welcomed = true;
    this.id = message.worker;
    this.renewMs = message.renewMs;
    for (const ref of message.dropped) this.forget(ref);
    for (const held of this.held.values()) if (held.report !== null) this.deliver(held);
    this.renewLater(this.line);
    this.startMore();
  }

  private dropLine(coordinatorNotices: boolean): void {
    this.socket?.abandon(coordinatorNotices);
    this.socket = null;
    this.welcomed = false;
  }

  private ends(line: number): WorkerEnd {
    return {
      received: (text) => this.later(0, () => line === this.line && this.receive(JSON.parse(text) as ToWorker)),
      closed: () =>
        this.later(0, () => {
          if (line !== this.line || this.socket === null) return;
          this.socket = null;
          this.welcomed = false;
          if (this.retry === null) this.reconnect(this.outside.random.int(50, 3_000));
        }),
    };
  }

  /** Runs `fn` in this start of the worker, when it is not frozen. */
  protected later(ms: number, fn: () => void): Planned {
    const { agenda } = this.outside;
    const { start } = this;
    if (ms === 0 && agenda.nowMs >= this.frozenUntilMs) {
      if (this.running) fn();
      return { canceled: false };
    }
    const planned = agenda.in(ms, () => {
      if (start !== this.start || !this.running) return;
      if (agenda.nowMs < this.frozenUntilMs) {
        agenda.at(this.frozenUntilMs, () => {
          if (start === this.start && this.running && !planned.canceled) fn();
        });
      } else fn();
    });
    return planned;
  }

  private receive(message: ToWorker): void {
    if (this.socket === null) return;
    switch (message.type) {
      case 'welcome':
        this.welcome(message);
        return;
      case 'assign':
        this.grants.push({ attempts: message.tasks.map(refOf), mac: message.mac });
        for (const task of message.tasks) this.take(task);
        this.startMore();
        return;
      case 'ack':
        for (const ref of message.attempts) {
          this.forget(ref);
        }
        this.startMore();
        return;
      case 'cancel':
        this.handBack(message.attempts, () => true);
        return;
      case 'revoke':
        this.handBack(message.attempts, (held) => held.state === 'offered');
        return;
      case 'refused':
        this.outside.refused(this, message.code, message.message);
        return;
      case 'draining':
        return;
    }
  }

  private take(task: Assigned): void {
    const ref = refOf(task);
    if (this.held.has(keyOf(ref))) return;
    if (!this.outside.healthy() && this.outside.random.chance(this.habits.rejectChance)) {
      this.say({ type: 'report', rejected: [{ ...ref, code: 'POLICY', message: 'not now' }] });
      return;
    }
    this.held.set(keyOf(ref), { ref, state: 'offered', report: null, timer: null });
  }

  private startMore(): void {
    let busy = [...this.held.values()].filter((held) => held.state === 'running').length;
    for (const held of this.held.values()) {
      if (busy >= this.habits.slots) return;
      if (held.state !== 'offered') continue;
      busy++;
      this.execute(held);
    }
  }

  private execute(held: Held): void {
    const { random } = this.outside;
    held.state = 'running';
    this.outside.executed(this, held.ref);
    const { least, most } = this.habits.taskMs;
    const ms = random.chance(0.05) ? most * random.int(2, 8) : random.int(least, most);
    // Short work tells its start and its end at once.
    if (ms > 50 && this.welcomed) this.say({ type: 'report', started: [held.ref] });
    held.timer = this.later(ms, () => {
      held.state = 'finished';
      held.timer = null;
      held.report = this.outcome(held.ref);
      if (this.welcomed) this.deliver(held);
      this.startMore();
    });
  }

  private outcome(ref: AttemptRef): NonNullable<Held['report']> {
    const { random } = this.outside;
    const fails = !this.outside.healthy() && random.chance(this.habits.failChance);
    if (fails)
      return {
        type: 'report',
        failed: [
          {
            ...ref,
            code: random.pick(['EXIT_CODE', 'EXECUTOR_FAILED', 'INPUT_UNAVAILABLE']),
            message: 'simulated',
            exitCode: 1,
            signal: null,
            log: null,
            usage: null,
          },
        ],
      };
    // The value names the execution: two different values for one task can not hide.
    return {
      type: 'report',
      succeeded: [{ ...ref, value: `${this.name} ${keyOf(ref)} ${random.hex(8)}`, outputs: {}, exitCode: 0, log: null, usage: { ...USAGE } }],
    };
  }

  private deliver(held: Held): void {
    if (held.report === null) return;
    this.say(held.report);
  }

  private handBack(refs: readonly AttemptRef[], gives: (held: Held) => boolean): void {
    const released: AttemptRef[] = [];
    for (const ref of refs) {
      const held = this.held.get(keyOf(ref));
      if (held !== undefined && !gives(held)) continue;
      this.forget(ref);
      released.push(refOf(ref));
    }
    if (released.length > 0) this.say({ type: 'report', released });
    this.startMore();
  }

  private forget(ref: AttemptRef): void {
    const held = this.held.get(keyOf(ref));
    if (held?.timer) held.timer.canceled = true;
    this.held.delete(keyOf(ref));
  }

  private renewLater(line: number): void {
    this.later(this.renewMs, () => {
      if (line !== this.line || !this.welcomed) return;
      const attempts = [...this.held.values()].filter((held) => held.state !== 'finished').map(({ ref }) => ({ ...ref, progress: null }));
      this.say({ type: 'renew', load: this.load(), attempts });
      this.renewLater(line);
    });
  }

  private capabilities(): Capabilities {
    const { slots } = this.habits;
    return {
      types: ['MOCK', 'VIDEO_ENCODE'],
      untrustedTypes: ['MOCK', 'VIDEO_ENCODE'],
      attributes: { kind: 'native', 'os.name': 'linux' },
      devices: [],
      pools: { slots, cpus: slots, memoryBytes: slots * 1_000_000_000, diskBytes: 1_000_000_000_000 },
    };
  }

  private load(): Load {
    return { cpuOthers: 0, memoryFreeBytes: 64_000_000_000, diskFreeBytes: 1_000_000_000_000, battery: null, throttle: 1, devices: [] };
  }
}
