// The loop around the pure core: collects what happened, lets the core decide once per turn, hands facts to the store and
// sends what may be sent when it may be sent. Submit and cancel are committed before the core hears of them; all else is
// applied first. It owns no socket, no file and no clock.
import { type AttemptRef, closeCodes, type JobId, splitTaskId, toUdcsError, UdcsError, type WorkerId } from '@udcs/protocol';
import * as core from '../core/index.ts';
import type { CoreEvent, Fact, JobSnapshot, Outcome, Send, WorkerIntroduction } from '../core/seam.ts';
import type { StoreWriter, SubmitOutcome, SubmitRow } from '../store/store.ts';
import { BacklogBound } from './backlog-bound.ts';
import { jobOf } from './fact-job.ts';
import { Feed } from './feed.ts';
import type { Grants } from './grants.ts';
import { eventOf } from './hearing.ts';
import { JobCatalog } from './job-catalog.ts';
import { LiveFeed } from './live-feed.ts';
import { type Mail, Outbox } from './outbox.ts';
import { Publisher } from './publisher.ts';
import type { ArrayEntries, Clock, Journal, Timer, Timers } from './seam.ts';
import { type Intake, outFrame, type WorkerLink } from './worker-session.ts';

export interface CoordinatorParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly writer: StoreWriter;
  readonly grants: Grants;
  readonly entries: ArrayEntries;
  readonly types: core.TypeLookup;
  readonly journal: Journal;
  /** Seed of the core's generator. */
  readonly seed: number;
  /** The process must end: the store can not be trusted any more, or the core broke. */
  readonly onFatal: (error: Error) => void;
}

/** Assignments per turn: keeps one turn short, so that frames and timers are not starved. */
const PLACE_BUDGET = 10_000;
const DRAIN_MS = 30_000;
const DRAIN_LOOK_MS = 50;
/** A store that can not write by then (disk full) loses what it was not promised to keep. */
const STOP_WRITE_MS = 5_000;
const DRAIN_RETRY_MS = 3_000;

export class Coordinator implements Intake {
  readonly feed = new Feed();
  readonly live: LiveFeed;
  draining = false;
  private readonly parts: CoordinatorParts;
  private readonly catalog = new JobCatalog();
  private readonly links = new Map<WorkerId, WorkerLink>();
  private readonly outbox: Outbox;
  private readonly backlog: BacklogBound;
  private readonly publisher: Publisher;
  private fleet: core.Fleet | null = null;
  private inbox: CoreEvent[] = [];
  private scheduled = false;
  private wake: { readonly atMs: number; readonly timer: Timer } | null = null;
  /** The newest write and how many are under way: what waits for a commit waits for everything before it. */
  private lastWrite: Promise<unknown> = Promise.resolve();
  private writes = 0;
  private readonly refusedJobs = new Set<JobId>();
  private reloading = false;
  /** What waits until a reload was applied. */
  private held: Mail[] = [];
  private paused = false;
  private stopped = false;
  private readonly changedWorkers = new Set<WorkerId>();

  constructor(parts: CoordinatorParts) {
    this.parts = parts;
    this.backlog = new BacklogBound(parts.writer);
    this.live = new LiveFeed(parts.clock, parts.timers, (job, event) => this.feed.tellJob(job, event));
    this.publisher = new Publisher(this.catalog, this.feed, this.live, (job) => (this.fleet === null ? 0 : core.activeOf(this.fleet, job)));
    this.outbox = new Outbox({
      links: this.links,
      catalog: this.catalog,
      grants: parts.grants,
      entries: parts.entries,
      isOpen: (worker, ref) => this.isOpen(worker, ref),
      isOnline: (worker) => this.fleet !== null && core.oneWorkerStatus(this.fleet, worker)?.state === 'online',
      onUnsent: (worker, released) =>
        this.push({ type: 'worker.reported', worker, report: { released: released.map(({ task, epoch, attempt }) => ({ task, epoch, attempt })) } }),
      followsSettlement: (task) => this.followsSettlement(splitTaskId(task.task).jobId),
      onUnreadable: (worker, attempts, thrown) => this.giveBack(worker, attempts, thrown),
    });
  }

  /** Opens the shard, takes over what is not terminal, starts the loop. */
  async boot(): Promise<void> {
    const snapshot = await this.parts.writer.boot();
    const { types, seed } = this.parts;
    const fleet = core.createFleet({ epoch: snapshot.epoch, seed, types });
    for (const job of snapshot.jobs) this.catalog.restore(job);
    this.fleet = fleet;
    this.obey([core.restore(fleet, snapshot, this.now())]);
    this.schedule();
  }

  get ready(): boolean {
    return this.fleet !== null && !this.stopped && !this.draining && !this.paused;
  }

  /** @throws UdcsError OVERLOADED while draining or over the backlog's bound, STORE_UNAVAILABLE when the disk is full; nothing was accepted then */
  async submit(rows: readonly SubmitRow[]): Promise<readonly SubmitOutcome[]> {
    if (this.draining || this.stopped) throw new UdcsError('OVERLOADED', 'the coordinator is stopping', { hint: 'try again in a few seconds' });
    if (this.backlog.isOver(false)) throw new UdcsError('OVERLOADED', 'too much is waiting to be written', { hint: 'try again in a few seconds' });
    const outcomes = await this.parts.writer.submit(rows);
    for (const outcome of outcomes) if (outcome.ok && !outcome.existing) this.accept(outcome.job);
    return outcomes;
  }

  /** @returns canceled: false = it had already ended. @throws UdcsError STORE_UNAVAILABLE */
  async cancel(job: JobId): Promise<{ readonly canceled: boolean }> {
    const atMs = this.parts.clock.wallMs();
    const answer = await this.parts.writer.cancel(job, atMs);
    if (answer.canceled) {
      this.catalog.cancel(job, atMs);
      this.push({ type: 'job.canceled', job, atMs });
    }
    return answer;
  }

  /** Lets a worker finish and take nothing new. False = it is not here. */
  drainWorker(worker: WorkerId): boolean {
    if (!this.links.has(worker)) return false;
    this.push({ type: 'worker.intent', worker, intent: 'drain' });
    return true;
  }

  /** Everything the API reads of the fleet goes through here, after what is waiting was applied. */
  read<T>(look: (fleet: core.Fleet) => T): T {
    if (this.fleet === null) throw new UdcsError('OVERLOADED', 'the coordinator is starting', { hint: 'try again in a few seconds' });
    if (this.inbox.length > 0) this.turn();
    return look(this.fleet);
  }

  get publishing(): Publisher {
    return this.publisher;
  }

  get connected(): ReadonlySet<WorkerId> {
    return new Set(this.links.keys());
  }

  /** What the shell keeps in memory, for metrics and tests. */
  get sizes(): { readonly jobs: number; readonly workers: number; readonly waiting: number; readonly writes: number } {
    return { jobs: this.catalog.size, workers: this.links.size, waiting: this.inbox.length, writes: this.writes };
  }

  joined(link: WorkerLink, introduction: WorkerIntroduction): void {
    this.links.set(link.worker, link);
    if (this.paused) link.pause();
    this.push({ type: 'worker.joined', introduction });
  }

  heard(worker: WorkerId, message: Parameters<Intake['heard']>[1]): void {
    const event = eventOf(worker, message, this.live, (ref) => this.isOpen(worker, ref));
    if (event !== null) this.push(event);
  }

  closed(worker: WorkerId): void {
    this.links.delete(worker);
    this.push({ type: 'worker.closed', worker, replaced: false });
  }

  /** No new lease from here on; results are taken for up to `withinMs`. Resolves when all work is back or the time is over. */
  async drain(withinMs: number = DRAIN_MS): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    this.push({ type: 'drain' });
    for (const link of this.links.values()) link.send(outFrame({ type: 'draining', retryMs: DRAIN_RETRY_MS }));
    const { clock, timers } = this.parts;
    const untilMs = clock.monoMs() + withinMs;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.stopped || clock.monoMs() >= untilMs || this.read(core.overview).tasks.active === 0) resolve();
        else timers.wakeAt(clock.monoMs() + DRAIN_LOOK_MS, look);
      };
      timers.soon(look);
    });
    await this.stop();
  }

  /** Closes workers and the store; what is not durable is as if it had not happened. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    if (this.fleet !== null) this.turn();
    await Promise.race([this.lastWrite, this.pass(STOP_WRITE_MS)]);
    this.stopped = true;
    this.wake?.timer.cancel();
    for (const link of [...this.links.values()]) link.close(closeCodes.overloaded, 'the coordinator stopped');
    await this.parts.writer.close();
  }

  private pass(ms: number): Promise<void> {
    const { clock, timers } = this.parts;
    return new Promise((resolve) => {
      timers.wakeAt(clock.monoMs() + ms, resolve);
    });
  }

  private now(): core.Now {
    return { monoMs: this.parts.clock.monoMs(), wallMs: this.parts.clock.wallMs() };
  }

  private accept(job: Extract<CoreEvent, { type: 'job.submitted' }>['job']): void {
    this.catalog.add(job);
    this.publisher.submitted(job.id);
    this.push({ type: 'job.submitted', job });
  }

  private push(event: CoreEvent): void {
    this.inbox.push(event);
    if ('worker' in event) this.changedWorkers.add(event.worker);
    else if (event.type === 'worker.joined') this.changedWorkers.add(event.introduction.worker);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    this.parts.timers.soon(() => {
      this.scheduled = false;
      this.turn();
    });
  }

  private turn(): void {
    if (this.fleet === null || this.stopped || this.reloading) return;
    const fleet = this.fleet;
    const events = this.inbox;
    this.inbox = [];
    const now = this.now();
    try {
      const outcomes = events.map((event) => core.apply(fleet, event, now));
      outcomes.push(core.place(fleet, now, PLACE_BUDGET));
      this.obey(outcomes);
      for (const mail of this.held.splice(0)) this.outbox.deliverLate(mail);
    } catch (thrown) {
      this.die(thrown);
    }
  }

  private obey(outcomes: readonly Outcome[]): void {
    const facts: Fact[] = [];
    const sends: Send[] = [];
    for (const outcome of outcomes) {
      // One by one: a whole array ending at once is more than a call takes as arguments.
      for (const fact of outcome.facts) facts.push(fact);
      for (const send of outcome.sends) sends.push(send);
      if (outcome.wakeAtMs !== null) this.wakeAt(outcome.wakeAtMs);
    }
    for (const send of sends) this.changedWorkers.add(send.to);
    const { now, commit } = this.outbox.sort(sends, facts.length > 0 || this.writes > 0);
    if (facts.length > 0) this.write(facts);
    this.outbox.deliver(now);
    if (commit.size > 0) {
      const durable = this.lastWrite;
      durable.then(() => this.release(commit)).catch((thrown: unknown) => this.die(thrown));
    }
    this.feed.tellWorkers([...this.changedWorkers]);
    this.changedWorkers.clear();
    this.watchBacklog();
  }

  private write(facts: readonly Fact[]): void {
    this.writes++;
    const before = this.lastWrite;
    const written = this.parts.writer.write(facts);
    // In order, whatever order the store resolves in: an earlier fact is durable before a later one counts as durable.
    this.lastWrite = Promise.all([written, before])
      .then(([refused]) => {
        this.writes--;
        this.committed(facts, refused);
      })
      .catch((thrown: unknown) => this.die(thrown));
  }

  private committed(facts: readonly Fact[], refused: readonly Fact[]): void {
    if (this.stopped) return;
    const bad = new Set(refused);
    for (const fact of refused) {
      const job = jobOf(fact);
      if (job === null) continue;
      this.refusedJobs.add(job);
      this.parts.journal.note('warn', 'the store refused a fact', { type: fact.type, job });
    }
    this.publisher.publish(
      facts.filter((fact) => !bad.has(fact)),
      this.parts.clock.monoMs(),
    );
    if (this.refusedJobs.size > 0) void this.reload();
    this.watchBacklog();
  }

  /** After the commit of what it waited for; when the store refused something, after the core has learned of that. */
  private release(mail: Mail): void {
    if (this.stopped) return;
    if (this.reloading || this.refusedJobs.size > 0) this.held.push(mail);
    else this.outbox.deliverLate(mail);
  }

  /** Takes the store's word for jobs whose facts it refused, and for those that waited for their end. The core rests meanwhile. */
  private async reload(): Promise<void> {
    if (this.reloading) return;
    this.reloading = true;
    try {
      while (this.writes > 0) await this.lastWrite;
      const jobs = this.catalog.withDependents(this.refusedJobs);
      this.refusedJobs.clear();
      const snapshots: readonly JobSnapshot[] = await this.parts.writer.reload(jobs);
      const alive = new Set(snapshots.map((snapshot) => snapshot.job.id));
      for (const snapshot of snapshots) this.catalog.restore(snapshot);
      for (const job of jobs) if (!alive.has(job)) this.catalog.forget(job);
      this.inbox.unshift({ type: 'jobs.reloaded', jobs: snapshots, gone: jobs.filter((job) => !alive.has(job)) });
    } catch (thrown) {
      this.die(thrown);
    }
    this.reloading = false;
    this.schedule();
  }

  private wakeAt(atMs: number): void {
    if (this.stopped || (this.wake !== null && this.wake.atMs <= atMs)) return;
    this.wake?.timer.cancel();
    const timer = this.parts.timers.wakeAt(atMs, () => {
      this.wake = null;
      this.push({ type: 'tick' });
    });
    this.wake = { atMs, timer };
  }

  private watchBacklog(): void {
    const paused = this.backlog.isOver(this.paused);
    if (paused === this.paused) return;
    this.paused = paused;
    this.parts.journal.note('warn', paused ? 'intake paused: the store is behind' : 'intake resumed', { rows: this.parts.writer.backlog.rows });
    for (const link of this.links.values()) {
      if (paused) link.pause();
      else link.resume();
    }
  }

  private isOpen(worker: WorkerId, ref: AttemptRef): boolean {
    return this.fleet !== null && core.attemptOf(this.fleet, ref)?.worker === worker;
  }

  private followsSettlement(job: JobId): boolean {
    const spec = this.catalog.get(job)?.record.spec;
    if (spec === undefined) return false;
    return spec.after.length > 0 || spec.afterAny.length > 0 || spec.variants.some((variant) => this.parts.types(variant.type)?.plan !== undefined);
  }

  private giveBack(worker: WorkerId, attempts: readonly AttemptRef[], thrown: unknown): void {
    const { message } = toUdcsError(thrown);
    const rejected = attempts.map(({ task, epoch, attempt }) => ({
      task,
      epoch,
      attempt,
      code: 'INPUT_UNAVAILABLE' as const,
      message: `the array's entries can not be read: ${message}`.slice(0, 1_000),
    }));
    this.push({ type: 'worker.reported', worker, report: { rejected } });
  }

  private die(thrown: unknown): void {
    if (this.stopped) return;
    this.stopped = true;
    this.wake?.timer.cancel();
    this.parts.onFatal(thrown instanceof Error ? thrown : toUdcsError(thrown));
  }
}
