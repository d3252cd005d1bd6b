// One donation from Start to Leave: identity, capabilities, connection, and the reasons to rest. It decides when the floor may
// work; the floor decides what runs.
import { type ErrorRecord, type FromWorker, type Hello, type Load, PROTOCOL_VERSION, type ToWorker, toUdcsError, limits as wireLimits } from '@udcs/protocol';
import type { DonationLimits, DonationPhase, DonationState, PauseReason } from '../page/state.ts';
import { Database } from './database.ts';
import { dropWorkerKey, type Identity, joinPatiently, loadIdentity, toHex } from './identity.ts';
import { LoadWatch, loadOf } from './load-watch.ts';
import { attributesOf, capabilitiesOf, describeMachine, type Findings, SOFTWARE, workerName } from './machine.ts';
import { buildParts, eraseProfile, type Parts } from './parts.ts';
import { discover, type Proof } from './probe.ts';
import { restReasons } from './rest.ts';
import type { Conditions, ControlStart } from './surface.ts';
import { viewOf } from './view.ts';
import type { Policy } from './work-floor.ts';

const REST_CHECK_MS = 15_000;
const PUBLISH_MS = 100;
/** So many GPU losses in a row and the tab stops offering its GPU: the driver is ill. */
const MOST_DEVICE_LOSSES = 3;

export class Session {
  readonly #options: ControlStart;
  readonly #publish: (state: DonationState) => void;
  readonly #instance = toHex(crypto.getRandomValues(new Uint8Array(16)));
  readonly #watch = new LoadWatch(
    () => this.#parts?.floor.busyMs ?? 0,
    () => this.#parts?.floor.pump(),
  );
  readonly #startedAtMs = Date.now();
  #limits: DonationLimits;
  #conditions: Conditions;
  #phase: DonationPhase = 'joining';
  #userPaused = false;
  #rest: PauseReason | null = null;
  #error: ErrorRecord | null = null;
  #worker: string | null = null;
  #key = '';
  #rejoined = false;
  #deviceLosses = 0;
  #offlineSinceMs: number | null = null;
  #findings: Findings | null = null;
  #proof: Proof = { types: [], notOffered: {} };
  #parts: Parts | null = null;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #restCheck: ReturnType<typeof setInterval> | undefined;
  #publishing: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(options: ControlStart, publish: (state: DonationState) => void) {
    this.#options = options;
    this.#publish = publish;
    this.#limits = options.limits;
    this.#conditions = options.conditions;
  }

  /** Resolves when the first connection is being made; never rejects: what goes wrong is in the state. */
  async start(): Promise<void> {
    this.#publishNow();
    try {
      const database = await Database.open();
      const identity = await loadIdentity(database);
      const [findings] = await Promise.all([this.#find(database), this.#join(database, identity)]);
      if (this.#ended) return;
      this.#findings = findings;
      this.#parts = await this.#build(database, identity);
      this.#watch.start();
      this.#restCheck = setInterval(() => this.#applyRest(), REST_CHECK_MS);
      this.#parts.connection.open();
    } catch (thrown) {
      this.#refuse(thrown);
    }
  }

  pause(): void {
    this.#userPaused = true;
    this.#applyRest();
  }

  resume(): void {
    this.#userPaused = false;
    this.#applyRest();
  }

  setConditions(conditions: Conditions): void {
    this.#conditions = conditions;
    this.#applyRest();
  }

  async setLimits(limits: DonationLimits): Promise<void> {
    const gpuSwitched = limits.gpuShare > 0 !== this.#limits.gpuShare > 0;
    this.#limits = limits;
    const parts = this.#parts;
    if (parts === null) return;
    parts.threads.setSlots(limits.cores);
    if (gpuSwitched) this.#findings = await this.#find(parts.database);
    this.#advertise();
    this.#applyRest();
  }

  online(): void {
    this.#parts?.connection.hurry();
  }

  /** Synchronous up to the socket's buffer: a page that goes away can not wait. */
  leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#phase = 'left';
    const parts = this.#parts;
    this.#watch.stop();
    clearInterval(this.#renewal);
    clearInterval(this.#restCheck);
    if (parts !== null) {
      parts.floor.stopAll();
      parts.outbox.flush();
      parts.connection.send({ type: 'intent', intent: 'leave', reason: 'the tab was closed' });
      parts.connection.close();
      parts.threads.clear();
    }
    this.#publishNow();
  }

  /** leave, then nothing of this profile stays: key pair, worker keys, cache. */
  async forget(): Promise<void> {
    this.leave();
    this.#parts?.database.close();
    await eraseProfile();
  }

  async #join(database: Database, identity: Identity): Promise<void> {
    const { coordinatorUrl, code } = this.#options;
    const key = await joinPatiently({ database, identity, coordinatorUrl, code, name: workerName(describeMachine(navigator)) }, (error) => {
      this.#error = error.toRecord();
      this.#setPhase('offline');
      return !this.#ended;
    });
    this.#key = key ?? '';
  }

  async #find(database: Database): Promise<Findings> {
    const gpuOff = this.#limits.gpuShare === 0 || this.#deviceLosses >= MOST_DEVICE_LOSSES;
    const { findings, proof } = await discover(database, this.#options.taskUrl, gpuOff);
    this.#proof = proof;
    return findings;
  }

  #build(database: Database, identity: Identity): Promise<Parts> {
    return buildParts({
      database,
      identity,
      coordinatorUrl: this.#options.coordinatorUrl,
      taskUrl: this.#options.taskUrl,
      key: () => this.#key,
      policy: this.#policy(),
      connectionEvents: { hello: () => this.#hello(), frame: (frame) => this.#onFrame(frame), offline: () => this.#onOffline() },
      floorEvents: { changed: () => this.#publishSoon(), deviceLost: () => this.#onDeviceLost() },
      trafficCounted: () => {
        if (this.#rest === null) this.#applyRest();
      },
    });
  }

  #policy(): Policy {
    const session = this;
    return {
      get limits() {
        return session.#limits;
      },
      get attributes() {
        return session.#findings === null ? {} : attributesOf(session.#findings);
      },
      get offered() {
        return new Set<string>(session.#proof.types);
      },
      slots: () => this.#slots(),
    };
  }

  /** The owner's cores, fewer while other programs want the machine. */
  #slots(): number {
    if (this.#rest !== null || this.#ended) return 0;
    return this.#watch.slots(this.#limits.cores);
  }

  async #hello(): Promise<Hello> {
    const { identity, cache, floor } = this.#needParts();
    const findings = this.#findings;
    if (findings === null) throw new Error('hello before the machine is known');
    return {
      type: 'hello',
      versions: [PROTOCOL_VERSION],
      key: this.#key,
      kind: 'browser',
      name: workerName(findings.machine),
      hostKey: identity.hostKey,
      instance: this.#instance,
      software: SOFTWARE,
      capabilities: capabilitiesOf(findings, this.#limits),
      load: this.#load(),
      cached: cache.digests().slice(0, 1_000),
      ...floor.declare(),
    };
  }

  #load(): Load {
    const { cache } = this.#needParts();
    return loadOf({
      cache,
      watch: this.#watch,
      limits: this.#limits,
      conditions: this.#conditions,
      slots: this.#slots(),
      gpu: this.#findings?.gpu ?? null,
    });
  }

  #onFrame(frame: ToWorker): void {
    const { floor } = this.#needParts();
    switch (frame.type) {
      case 'welcome':
        this.#onWelcome(frame);
        break;
      case 'refused':
        void this.#onRefused(frame);
        break;
      case 'assign':
        floor.assign(frame.jobs, frame.tasks, frame.mac);
        break;
      case 'ack':
        floor.acknowledge(frame.attempts);
        break;
      case 'cancel':
        floor.cancel(frame.attempts);
        break;
      case 'revoke':
        floor.revoke(frame.attempts);
        break;
      case 'draining': // the connection waits as long as it was told
        break;
    }
    this.#publishSoon();
  }

  #onWelcome(frame: Extract<ToWorker, { type: 'welcome' }>): void {
    const { floor } = this.#needParts();
    this.#worker = frame.worker;
    this.#error = null;
    this.#offlineSinceMs = null;
    clearInterval(this.#renewal);
    this.#renewal = setInterval(() => this.#renew(), Math.max(250, frame.renewMs));
    this.#rest = this.#restReason();
    // A hello counts as ready for work, whatever was said on an older connection.
    if (this.#rest !== null) this.#say('drain', this.#rest);
    floor.reconcile(frame.adopted);
    this.#setPhase(this.#rest === null ? 'working' : 'paused');
  }

  async #onRefused(frame: Extract<ToWorker, { type: 'refused' }>): Promise<void> {
    const { database, identity, connection } = this.#needParts();
    this.#error = { code: frame.code, message: frame.message };
    if (frame.retryMs !== null) return;
    // A revoked or expired worker key: the invite may still be good for a new one.
    if (frame.code === 'UNAUTHENTICATED' && !this.#rejoined && this.#options.code !== null) {
      this.#rejoined = true;
      try {
        await dropWorkerKey(database, this.#options.coordinatorUrl);
        await this.#join(database, identity);
        return connection.reopen();
      } catch (thrown) {
        return this.#refuse(thrown);
      }
    }
    this.#setPhase('refused');
  }

  #refuse(thrown: unknown): void {
    this.#error = toUdcsError(thrown).toRecord();
    this.#setPhase('refused');
  }

  #onOffline(): void {
    this.#parts?.outbox.clear();
    clearInterval(this.#renewal);
    this.#offlineSinceMs ??= performance.now();
    if (this.#phase !== 'refused') this.#setPhase('offline');
  }

  #onDeviceLost(): void {
    this.#deviceLosses++;
    if (this.#deviceLosses !== MOST_DEVICE_LOSSES) return;
    const parts = this.#needParts();
    this.#find(parts.database).then(
      (findings) => {
        this.#findings = findings;
        this.#advertise();
      },
      (thrown: unknown) => {
        this.#error = toUdcsError(thrown).toRecord();
      },
    );
  }

  #advertise(): void {
    if (this.#findings !== null) this.#send({ type: 'capabilities', capabilities: capabilitiesOf(this.#findings, this.#limits) });
  }

  #say(intent: 'drain' | 'resume', reason?: string): void {
    this.#send(reason === undefined ? { type: 'intent', intent } : { type: 'intent', intent, reason });
  }

  #send(frame: FromWorker): boolean {
    return this.#parts?.connection.send(frame) ?? false;
  }

  #renew(): void {
    const { floor, connection } = this.#needParts();
    connection.checkAlive();
    this.#send({ type: 'renew', load: this.#load(), attempts: floor.renewals() });
    this.#publishSoon();
  }

  #restReason(): PauseReason | null {
    return restReasons({
      userPaused: this.#userPaused,
      conditions: this.#conditions,
      limits: this.#limits,
      bytesToday: this.#parts?.traffic.todayBytes ?? 0,
      hour: new Date().getHours(),
    });
  }

  /** Compares what should be with what is, and says the difference to the coordinator before anything else moves. */
  #applyRest(): void {
    const parts = this.#parts;
    const next = this.#restReason();
    const was = this.#rest;
    this.#rest = next;
    if (this.#offlineSinceMs !== null && performance.now() - this.#offlineSinceMs > wireLimits.orphanMs) parts?.floor.abandon();
    if (parts !== null && next !== null && was === null) {
      // Drain first: what is released must not come straight back.
      this.#say('drain', next);
      parts.floor.stopAll();
      parts.outbox.flush();
      if (parts.connection.welcomed) this.#renew();
    }
    if (parts !== null && next === null && was !== null) {
      this.#say('resume');
      parts.threads.warm();
      if (parts.connection.welcomed) this.#renew();
    }
    if (this.#phase === 'working' || this.#phase === 'paused') this.#setPhase(next === null ? 'working' : 'paused');
    else if (next !== was) this.#publishNow();
  }

  #setPhase(phase: DonationPhase): void {
    this.#phase = phase;
    this.#publishNow();
  }

  #needParts(): Parts {
    if (this.#parts === null) throw new Error('the session is not built yet');
    return this.#parts;
  }

  #publishSoon(): void {
    this.#publishing ??= setTimeout(() => this.#publishNow(), PUBLISH_MS);
  }

  #publishNow(): void {
    clearTimeout(this.#publishing);
    this.#publishing = undefined;
    this.#publish(this.#state());
  }

  #state(): DonationState {
    return viewOf({
      phase: this.#phase,
      rest: this.#rest,
      limits: this.#limits,
      worker: this.#worker,
      error: this.#error,
      startedAtMs: this.#startedAtMs,
      slots: this.#slots(),
      floor: this.#parts?.floor ?? null,
      traffic: this.#parts?.traffic ?? null,
      gpu: this.#findings?.gpu ?? null,
      proof: this.#proof,
      nowMs: performance.now(),
    });
  }
}
