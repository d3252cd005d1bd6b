// A small stage for tests of the core: workers and jobs in a line each, time under the test's hand, every outcome kept and checked.
import type {
  Assignment,
  AttemptRef,
  Attributes,
  Capabilities,
  Digest,
  ErrorCode,
  HostId,
  JobId,
  Job as JobInput,
  Load,
  TaskTypeName,
  WorkerId,
} from '@udcs/protocol';
import { normalizeJob } from '@udcs/protocol';
import {
  apply,
  type CoreEvent,
  createFleet,
  type Fact,
  type Fleet,
  type Outcome,
  place,
  restore,
  type Send,
  type TypeLookup,
  type WorkerIntroduction,
} from '../../src/core/index.ts';
import type { BootSnapshot } from '../../src/core/seam.ts';
import { brokenInvariant } from './invariants.ts';

const GB = 1_000_000_000;

export const idle: Load = { cpuOthers: 0, memoryFreeBytes: 8 * GB, diskFreeBytes: 50 * GB, battery: null, throttle: 1, devices: [] };

export interface WorkerWish {
  readonly host?: string;
  readonly owner?: string | null;
  readonly kind?: 'browser' | 'native';
  readonly name?: string;
  readonly types?: readonly TaskTypeName[];
  readonly untrustedTypes?: readonly TaskTypeName[];
  readonly attributes?: Attributes;
  readonly devices?: Capabilities['devices'];
  readonly slots?: number;
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly load?: Partial<Load>;
  readonly holding?: WorkerIntroduction['holding'];
  readonly cached?: readonly Digest[];
}

const pad = (value: number): string => String(value).padStart(26, '0');

export class Scene {
  fleet: Fleet;
  monoMs = 1_000;
  wallMs = 1_700_000_000_000;
  readonly facts: Fact[] = [];
  readonly sends: Send[] = [];
  private readonly types: TypeLookup;
  private jobs = 0;
  private workers = 0;
  private readonly loads = new Map<WorkerId, Load>();
  private readonly wishes = new Map<WorkerId, WorkerWish>();
  /** What each worker holds, as it would know it. */
  readonly held = new Map<WorkerId, Assignment[]>();
  wakeAtMs: number | null = null;

  constructor(types: TypeLookup = () => undefined, epoch = 1) {
    this.types = types;
    this.fleet = createFleet({ epoch, seed: 7, types });
  }

  get now(): { monoMs: number; wallMs: number } {
    return { monoMs: this.monoMs, wallMs: this.wallMs };
  }

  introduction(wish: WorkerWish, worker: WorkerId): WorkerIntroduction {
    const slots = wish.slots ?? 1;
    const load = { ...idle, ...wish.load };
    const types = [...(wish.types ?? ['MOCK' as const])];
    return {
      worker,
      host: (wish.host ?? `hst_${worker.slice(4)}`) as HostId,
      kind: wish.kind ?? 'native',
      name: wish.name ?? `w${this.workers}`,
      instance: 'a'.repeat(32),
      software: 'test',
      owner: wish.owner === undefined ? 'ann' : wish.owner,
      network: '10.0.0',
      capabilities: {
        types,
        untrustedTypes: [...(wish.untrustedTypes ?? types)],
        attributes: { limits: 'enforced', ...wish.attributes },
        devices: wish.devices ?? [],
        pools: { slots, cpus: wish.cpus ?? slots, memoryBytes: wish.memoryBytes ?? 8 * GB, diskBytes: 50 * GB },
      },
      load,
      cached: wish.cached ?? [],
      holding: wish.holding ?? [],
      unproven: [],
    };
  }

  worker(wish: WorkerWish = {}, id?: WorkerId): WorkerId {
    const worker = id ?? (`wkr_${pad(++this.workers)}` as WorkerId);
    const introduction = this.introduction(wish, worker);
    this.wishes.set(worker, { ...wish, holding: [] });
    this.loads.set(worker, introduction.load);
    if (!this.held.has(worker)) this.held.set(worker, []);
    this.apply({ type: 'worker.joined', introduction });
    return worker;
  }

  /** The same worker on a new socket, showing what it holds. */
  comeBack(worker: WorkerId): void {
    this.worker({ ...this.wishes.get(worker), holding: this.holds(worker).map((ref) => ({ ref, state: 'running' })) }, worker);
  }

  job(job: JobInput & { owner?: string } = { type: 'MOCK', spec: {} }): JobId {
    const { owner, ...rest } = job;
    const id = `job_${pad(++this.jobs)}` as JobId;
    this.apply({ type: 'job.submitted', job: { id, owner: owner ?? 'ann', spec: normalizeJob(rest), submittedAtMs: this.wallMs, upstreamEnded: {} } });
    return id;
  }

  apply(event: CoreEvent): Outcome {
    return this.take(apply(this.fleet, event, this.now));
  }

  /** Places until nothing more is placed at this moment. */
  place(budget = 10_000): this {
    for (let round = 0; round < 1_000; round++) {
      const outcome = this.take(place(this.fleet, this.now, budget));
      if (outcome.wakeAtMs === null || outcome.wakeAtMs > this.monoMs) return this;
      this.apply({ type: 'tick' });
    }
    throw new Error('place never comes to rest');
  }

  boot(snapshot: BootSnapshot): Outcome {
    this.fleet = createFleet({ epoch: snapshot.epoch, seed: 7, types: this.types });
    this.held.clear();
    return this.take(restore(this.fleet, snapshot, this.now));
  }

  /** Time passes; what is due fires; then placing. Workers named in `renewing` renew every 5 s. */
  wait(ms: number, renewing: readonly WorkerId[] = [...this.held.keys()]): this {
    const until = this.monoMs + ms;
    while (this.monoMs < until) {
      const due = this.fleet.timers.nextAtMonoMs() ?? until;
      const step = Math.max(0, Math.min(until, due, this.monoMs + 4_000) - this.monoMs);
      this.monoMs += step;
      this.wallMs += step;
      if (step >= 4_000 || this.monoMs === until) for (const worker of renewing) this.renew(worker);
      this.apply({ type: 'tick' });
      this.place();
      if (step === 0 && (this.fleet.timers.nextAtMonoMs() ?? until) <= this.monoMs) continue;
    }
    return this;
  }

  renew(worker: WorkerId, load: Partial<Load> = {}): void {
    if (!this.fleet.workers.has(worker)) return;
    const now = { ...(this.loads.get(worker) ?? idle), ...load };
    this.loads.set(worker, now);
    this.apply({ type: 'worker.renewed', worker, load: now, attempts: this.holds(worker).map((ref) => ({ ref, progress: null })) });
  }

  holds(worker: WorkerId): AttemptRef[] {
    return (this.held.get(worker) ?? []).map(({ task, epoch, attempt }) => ({ task, epoch, attempt }));
  }

  /** Keys of the tasks a worker holds. */
  keys(worker: WorkerId): string[] {
    return this.holds(worker).map((ref) => ref.task.slice(ref.task.indexOf('.') + 1));
  }

  start(worker: WorkerId, ref = this.first(worker)): void {
    this.apply({ type: 'worker.reported', worker, report: { started: [ref] } });
  }

  succeed(worker: WorkerId, ref = this.first(worker), wallMs = 5, value: unknown = null): Outcome {
    this.drop(worker, ref);
    const usage = { wallMs, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} };
    return this.apply({ type: 'worker.reported', worker, report: { succeeded: [{ ...ref, value, outputs: {}, exitCode: 0, log: null, usage }] } });
  }

  fail(worker: WorkerId, code: ErrorCode, ref = this.first(worker)): Outcome {
    this.drop(worker, ref);
    return this.apply({
      type: 'worker.reported',
      worker,
      report: { failed: [{ ...ref, code, message: `it said ${code}`, exitCode: 1, signal: null, log: null, usage: null }] },
    });
  }

  reject(worker: WorkerId, code: ErrorCode = 'POLICY', ref = this.first(worker)): Outcome {
    this.drop(worker, ref);
    return this.apply({ type: 'worker.reported', worker, report: { rejected: [{ ...ref, code, message: `it said ${code}` }] } });
  }

  release(worker: WorkerId, ref: AttemptRef): Outcome {
    this.drop(worker, ref);
    return this.apply({ type: 'worker.reported', worker, report: { released: [ref] } });
  }

  close(worker: WorkerId, replaced = false): Outcome {
    return this.apply({ type: 'worker.closed', worker, replaced });
  }

  first(worker: WorkerId): AttemptRef {
    const ref = this.holds(worker)[0];
    if (ref === undefined) throw new Error(`${worker} holds nothing`);
    return ref;
  }

  drop(worker: WorkerId, ref: AttemptRef): void {
    const list = this.held.get(worker) ?? [];
    const at = list.findIndex((held) => held.task === ref.task && held.attempt === ref.attempt && held.epoch === ref.epoch);
    if (at >= 0) list.splice(at, 1);
  }

  ofType<T extends Fact['type']>(type: T): Extract<Fact, { type: T }>[] {
    return this.facts.filter((fact): fact is Extract<Fact, { type: T }> => fact.type === type);
  }

  settled(job: JobId): string[] {
    return this.ofType('task.settled')
      .filter((fact) => fact.job === job)
      .map((fact) => `${fact.key}:${fact.state}${fact.error === null ? '' : `:${fact.error.code}`}`);
  }

  /** The last counters written for a job. */
  counts(job: JobId): Extract<Fact, { type: 'job.counted' }> | undefined {
    return this.ofType('job.counted').findLast((fact) => fact.job === job);
  }

  messages(worker: WorkerId, type: Send['message']['type']): Send[] {
    return this.sends.filter((send) => send.to === worker && send.message.type === type);
  }

  private take(outcome: Outcome): Outcome {
    this.facts.push(...outcome.facts);
    this.sends.push(...outcome.sends);
    this.wakeAtMs = outcome.wakeAtMs;
    for (const { to, message } of outcome.sends) if (message.type === 'assign') this.held.set(to, [...(this.held.get(to) ?? []), ...message.tasks]);
    const broken = brokenInvariant(this.fleet);
    if (broken !== null) throw new Error(`invariant broken: ${broken}`);
    return outcome;
  }
}
