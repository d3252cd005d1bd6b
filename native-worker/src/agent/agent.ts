// The worker's side of the wire: takes offers through the policy gate, runs them as room allows, renews leases, keeps results
// until they are acknowledged, survives a lost coordinator, drains. What a task does is the workbench's business.
import {
  type Assignment,
  type AttemptRef,
  type Capabilities,
  type Digest,
  type Grant,
  type Hello,
  type JobHeader,
  type Load,
  limits,
  type ToWorker,
  toUdcsError,
  type WorkerId,
} from '@udcs/protocol';
import type { ArtifactCache } from './artifact-cache.ts';
import { type Attempt, AttemptBook } from './attempt-book.ts';
import { Connection } from './connection.ts';
import type { ExecutionLog } from './execution-log.ts';
import { type Offer, readOffer } from './offer.ts';
import type { Policy, Refusal } from './policy.ts';
import { Reporter } from './reporter.ts';
import { Execution, type Outcome, type Workbench } from './workbench.ts';

/** A task that ends sooner is reported started and ended in one go. */
const QUIET_START_MS = 50;
const SWEEP_MS = 25;
const LIVE_LOG_MS = 100;
const CACHE_NEWS_MS = 1_000;
/** Offers that wait beside the running ones; more is a coordinator that forgot what prefetch is for. */
const QUEUE_PER_SLOT = 8;
const QUEUE_BASE = 512;

export interface AgentOptions {
  readonly url: string;
  readonly key: string;
  readonly name: string;
  readonly hostKey: string;
  readonly instance: string;
  readonly software: string;
  readonly capabilities: Capabilities;
  readonly policy: Policy;
  readonly workbench: Workbench;
  readonly cache: ArtifactCache;
  readonly executionLog: ExecutionLog;
  readonly orphanMs: number;
  load(): Load;
}

export interface AgentEvents {
  onJoined(worker: WorkerId): void;
  onLost(why: string): void;
  /** The last thing it says. `problem` is null after a drain or leave. */
  onEnd(problem: string | null): void;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #events: AgentEvents;
  readonly #book = new AttemptBook();
  readonly #connection: Connection;
  readonly #reporter: Reporter;
  #worker: WorkerId | null = null;
  #draining = false;
  #ended = false;
  #renewal: NodeJS.Timeout | null = null;
  #orphaned: NodeJS.Timeout | null = null;
  #sweep: NodeJS.Timeout | null = null;
  #liveLog: NodeJS.Timeout | null = null;
  #cacheNews: { added: Set<Digest>; dropped: Set<Digest>; timer: NodeJS.Timeout | null } = { added: new Set(), dropped: new Set(), timer: null };

  constructor(options: AgentOptions, events: AgentEvents) {
    this.#options = options;
    this.#events = events;
    this.#connection = new Connection(options.url, {
      hello: () => this.#hello(),
      onMessage: (message) => this.#receive(message),
      onDown: (why) => this.#down(why),
      onRefused: (why) => this.#end(why),
    });
    this.#reporter = new Reporter((frame) => this.#connection.sendText(frame));
  }

  start(): void {
    this.#connection.open();
  }

  get holding(): number {
    return this.#book.size;
  }

  /** Finishes what runs, gives back what has not started, takes nothing new, then ends. */
  drain(reason: string): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#connection.send({ type: 'intent', intent: 'drain', reason });
    for (const attempt of [...this.#book.all()]) if (attempt.state === 'queued') this.#giveBack(attempt);
    this.#endWhenEmpty();
  }

  /** Hands everything back and ends now. */
  leave(reason: string): void {
    this.#reporter.flush();
    this.#connection.send({ type: 'intent', intent: 'leave', reason });
    this.#forgetAll();
    this.#end(null);
  }

  cacheChanged(added: readonly Digest[], dropped: readonly Digest[]): void {
    const news = this.#cacheNews;
    for (const digest of added) if (!news.dropped.delete(digest)) news.added.add(digest);
    for (const digest of dropped) if (!news.added.delete(digest)) news.dropped.add(digest);
    news.timer ??= setTimeout(() => this.#tellCache(), CACHE_NEWS_MS);
  }

  #hello(): Hello {
    const { holding, grants, overflow } = this.#book.holding();
    for (const attempt of overflow) this.#forget(attempt);
    const options = this.#options;
    return {
      type: 'hello',
      versions: [1],
      key: options.key,
      kind: 'native',
      name: options.name,
      hostKey: options.hostKey,
      instance: options.instance,
      software: options.software,
      capabilities: options.capabilities,
      load: options.load(),
      cached: options.cache.digests().slice(0, 1_000),
      holding,
      grants,
    };
  }

  #receive(message: ToWorker): void {
    switch (message.type) {
      case 'welcome':
        this.#welcome(message);
        break;
      case 'assign':
        this.#assign(message);
        break;
      case 'ack':
        for (const ref of message.attempts) this.#acknowledged(ref);
        this.#endWhenEmpty();
        break;
      case 'cancel':
        for (const ref of message.attempts) this.#cancel(ref);
        this.#startNext();
        break;
      case 'revoke':
        for (const ref of message.attempts) this.#revoke(ref);
        this.#endWhenEmpty();
        break;
      case 'draining':
        this.#connection.waitBeforeNext(message.retryMs);
        break;
      case 'refused':
        // The connection has dealt with it.
        break;
    }
  }

  #acknowledged(ref: AttemptRef): void {
    const attempt = this.#book.find(ref);
    if (attempt?.state === 'finished') this.#book.remove(attempt);
  }

  #revoke(ref: AttemptRef): void {
    const attempt = this.#book.find(ref);
    if (attempt?.state === 'queued') this.#giveBack(attempt);
  }

  #welcome(message: Extract<ToWorker, { type: 'welcome' }>): void {
    this.#worker = message.worker;
    if (this.#orphaned !== null) clearTimeout(this.#orphaned);
    this.#orphaned = null;
    for (const ref of message.dropped) {
      const attempt = this.#book.find(ref);
      if (attempt !== undefined) this.#forget(attempt);
    }
    for (const attempt of this.#book.all()) {
      if (attempt.state === 'finished') this.#report(attempt);
      else if (attempt.startedSaid) this.#reporter.add('started', attempt.offer.ref);
    }
    if (this.#renewal !== null) clearInterval(this.#renewal);
    this.#renewal = setInterval(() => this.#renew(), message.renewMs);
    if (this.#draining) this.#connection.send({ type: 'intent', intent: 'drain' });
    this.#events.onJoined(message.worker);
    this.#startNext();
    this.#endWhenEmpty();
  }

  #down(why: string): void {
    if (this.#renewal !== null) clearInterval(this.#renewal);
    this.#renewal = null;
    this.#reporter.clear();
    this.#orphaned ??= setTimeout(() => {
      this.#orphaned = null;
      this.#forgetAll();
      this.#endWhenEmpty();
    }, this.#options.orphanMs);
    this.#events.onLost(why);
    // With nothing in hand there is nobody to wait for.
    this.#endWhenEmpty();
  }

  #assign(message: Extract<ToWorker, { type: 'assign' }>): void {
    const headers = new Map(message.jobs.map((header) => [header.id as string, header]));
    const grant: Grant = { attempts: message.tasks.map(({ task, epoch, attempt }) => ({ task, epoch, attempt })), mac: message.mac };
    for (const task of message.tasks) this.#offer(task, headers.get(task.task.slice(0, task.task.indexOf('.'))), grant);
    this.#startNext();
  }

  #offer(task: Assignment, header: JobHeader | undefined, grant: Grant): void {
    const ref = { task: task.task, epoch: task.epoch, attempt: task.attempt };
    if (this.#book.find(ref) !== undefined) return;
    if (this.#draining) {
      this.#reporter.add('released', ref);
      return;
    }
    const read = this.#judge(task, header, grant);
    if ('code' in read) {
      this.#reporter.add('rejected', { ...ref, code: read.code, message: read.message.slice(0, 1_000) });
      return;
    }
    const prepared = this.#options.workbench.prepare(read);
    // Its failure is reported when its turn comes; until then nobody listens.
    prepared.catch(() => {});
    this.#book.add(read, prepared);
  }

  /** The offer, or why it is not taken. */
  #judge(task: Assignment, header: JobHeader | undefined, grant: Grant): Offer | Refusal {
    if (header === undefined) return { code: 'INVALID_INPUT', message: 'the frame does not bring the job of this task' };
    if (this.#book.queued >= QUEUE_BASE + QUEUE_PER_SLOT * this.#options.capabilities.pools.slots) {
      return { code: 'NO_ROOM', message: `${this.#book.queued} tasks wait here already` };
    }
    try {
      const offer = readOffer(header, task, grant);
      const { type } = offer.expanded;
      const asked = { type, trusted: offer.trusted, isolationMin: offer.job.isolationMin, resources: offer.job.resources };
      return this.#options.policy.refuse(asked, this.#options.capabilities) ?? offer;
    } catch (thrown) {
      return toUdcsError(thrown);
    }
  }

  #startNext(): void {
    if (this.#ended) return;
    const { pools, devices } = this.#options.capabilities;
    const gpus = devices.filter((device) => device.kind === 'gpu').length;
    for (let attempt = this.#book.takeNext(pools, gpus); attempt !== null; attempt = this.#book.takeNext(pools, gpus)) this.#start(attempt);
  }

  #start(attempt: Attempt): void {
    const execution = new Execution();
    attempt.execution = execution;
    attempt.startedAtMs = performance.now();
    execution.onLive = () => {
      this.#liveLog ??= setTimeout(() => this.#tellLogs(), LIVE_LOG_MS);
    };
    this.#sweep ??= setInterval(() => this.#sayStarted(), SWEEP_MS);
    this.#options.executionLog.write('started', attempt.offer.ref, attempt.offer.expanded.type, null, this.#worker);
    void this.#options.workbench.run(attempt.offer, attempt.prepared, execution).then((outcome) => this.#finished(attempt, execution, outcome));
  }

  #finished(attempt: Attempt, execution: Execution, outcome: Outcome): void {
    const { offer, stopped } = attempt;
    const said = stopped ?? (outcome.kind === 'failed' ? outcome.report.code : outcome.kind);
    this.#options.executionLog.write('finished', offer.ref, offer.expanded.type, said, this.#worker);
    if (stopped !== null || outcome.kind === 'killed') {
      this.#book.remove(attempt);
      if (stopped !== 'forgotten') this.#reporter.add('released', offer.ref);
    } else {
      if (attempt.startedSaid) this.#tellLog(attempt, execution);
      this.#book.finish(attempt, outcome);
      this.#report(attempt);
    }
    this.#startNext();
    this.#endWhenEmpty();
  }

  #report(attempt: Attempt): void {
    const { outcome } = attempt;
    if (outcome === null) return;
    // A success says by itself that it had started; for a failure the start decides whether it counts.
    if (outcome.kind === 'failed' && !attempt.startedSaid) this.#reporter.add('started', attempt.offer.ref);
    attempt.startedSaid = true;
    if (outcome.kind === 'succeeded') this.#reporter.add('succeeded', outcome.report);
    else this.#reporter.add('failed', outcome.report);
  }

  #cancel(ref: AttemptRef): void {
    const attempt = this.#book.find(ref);
    // Unknown here: it is over, which is what was asked for.
    if (attempt === undefined) this.#reporter.add('released', ref);
    else if (attempt.state !== 'running') this.#giveBack(attempt);
    else {
      attempt.stopped ??= 'canceled';
      attempt.execution?.stop.abort();
    }
  }

  #giveBack(attempt: Attempt): void {
    this.#book.remove(attempt);
    this.#reporter.add('released', attempt.offer.ref);
  }

  /** Void by the coordinator's word or by time: nothing is reported. */
  #forget(attempt: Attempt): void {
    if (attempt.state !== 'running') {
      this.#book.remove(attempt);
      return;
    }
    attempt.stopped = 'forgotten';
    attempt.execution?.stop.abort();
  }

  #forgetAll(): void {
    for (const attempt of [...this.#book.all()]) this.#forget(attempt);
  }

  #renew(): void {
    const attempts = [...this.#book.all()].map(({ offer, execution }) => ({
      ...offer.ref,
      progress: execution?.progress ?? null,
      ...(execution?.note === undefined ? {} : { note: execution.note }),
    }));
    const load = this.#options.load();
    for (let at = 0; at === 0 || at < attempts.length; at += limits.recordsPerFrame) {
      this.#connection.send({ type: 'renew', load, attempts: attempts.slice(at, at + limits.recordsPerFrame) });
    }
  }

  #sayStarted(): void {
    const nowMs = performance.now();
    for (const attempt of this.#book.all()) {
      if (attempt.state !== 'running' || attempt.startedSaid || nowMs - attempt.startedAtMs < QUIET_START_MS) continue;
      attempt.startedSaid = true;
      this.#reporter.add('started', attempt.offer.ref);
    }
    if (this.#book.running > 0 || this.#sweep === null) return;
    clearInterval(this.#sweep);
    this.#sweep = null;
  }

  #tellLogs(): void {
    this.#liveLog = null;
    for (const attempt of this.#book.all()) if (attempt.execution !== null) this.#tellLog(attempt, attempt.execution);
  }

  #tellLog(attempt: Attempt, execution: Execution): void {
    if (!this.#connection.flowing) return;
    for (const line of execution.log.takeLive()) this.#reporter.add('log', { ...attempt.offer.ref, ...line });
  }

  #tellCache(): void {
    const news = this.#cacheNews;
    this.#cacheNews = { added: new Set(), dropped: new Set(), timer: null };
    this.#connection.send({ type: 'cache', added: [...news.added].slice(0, 1_000), dropped: [...news.dropped].slice(0, 1_000) });
  }

  #endWhenEmpty(): void {
    if (!this.#draining || this.#book.size > 0 || this.#ended) return;
    // What was reported last is still in this turn's batch.
    this.#reporter.flush();
    this.#end(null);
  }

  #end(problem: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of [this.#renewal, this.#sweep]) if (timer !== null) clearInterval(timer);
    for (const timer of [this.#orphaned, this.#liveLog, this.#cacheNews.timer]) if (timer !== null) clearTimeout(timer);
    this.#forgetAll();
    void this.#connection.close().then(() => this.#events.onEnd(problem));
  }
}
