// One worker's connection from its first byte to its close: hello, key, version, rate, schema; then every frame becomes a
// call on the intake. It trusts nothing it reads and throws on nothing it reads.
import {
  type AttemptRef,
  closeCodes,
  type ErrorCode,
  type FromWorker,
  fromWorkerSchema,
  type Hello,
  limits,
  PROTOCOL_VERSION,
  parseQuickly,
  type ToWorker,
  toUdcsError,
  type WorkerId,
} from '@udcs/protocol';
import type { WorkerIntroduction } from '../core/seam.ts';
import { type Grants, hostIdOf, networkOf, proven, workerIdOf } from './grants.ts';
import { jsonTrouble } from './json-guard.ts';
import type { OutputCheck } from './output-check.ts';
import type { Clock, Connection, ConnectionSink, Journal, Timer, Timers, WorkerKeys } from './seam.ts';
import { type Sending, sendingTo } from './sending.ts';
import { type TokenBucket, tokenBucket } from './token-bucket.ts';

/** A frame to a worker, as text; `tasks` counts what an assignment frame assigns. */
export interface OutFrame {
  readonly type: ToWorker['type'];
  readonly text: string;
  readonly tasks: number;
}

export const outFrame = (message: ToWorker): OutFrame => ({ type: message.type, text: JSON.stringify(message), tasks: 0 });

/** A joined worker as the loop sees it. */
export interface WorkerLink {
  readonly worker: WorkerId;
  readonly instance: string;
  readonly owner: string | null;
  send(frame: OutFrame): void;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
}

/** Where sessions deliver what workers say. */
export interface Intake {
  /** True while no new worker is wanted. */
  readonly draining: boolean;
  joined(link: WorkerLink, introduction: WorkerIntroduction): void;
  heard(worker: WorkerId, message: Exclude<FromWorker, { type: 'hello' }>): void;
  closed(worker: WorkerId): void;
}

export interface SessionSettings {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly keys: WorkerKeys;
  readonly grants: Grants;
  readonly outputs: OutputCheck;
  readonly journal: Journal;
  readonly messagesPerSecond: number;
}

/** Frames that may wait while a key or an upload is looked up, and how deep into debt a sender may go, before it is cut off. */
const FRAMES_WAITING = 1_000;
/** Frames a worker may send for each task it was given: start, end, and a little talk. */
const CREDIT_PER_TASK = 4;
const RETRY_SOON_MS = 2_000;
const RETRY_STORE_MS = 5_000;

export class WorkerSession implements ConnectionSink, WorkerLink {
  worker: WorkerId = 'wkr_';
  instance = '';
  owner: string | null = null;
  private phase: 'hello' | 'open' | 'closed' = 'hello';
  /** While something is looked up, frames wait here, so that their order stays. */
  private busy = false;
  private readonly queue: string[] = [];
  private readonly holds = new Set<'rate' | 'loop' | 'lookup'>();
  private readonly sending: Sending;
  private readonly bucket: TokenBucket;
  private readonly authTimer: Timer;
  private welcomed = false;
  private readonly beforeWelcome: OutFrame[] = [];

  private readonly settings: SessionSettings;
  private readonly connection: Connection;
  private readonly intake: Intake;
  private readonly onOpen: (session: WorkerSession) => void;
  private readonly onClosed: (session: WorkerSession) => void;

  constructor(
    settings: SessionSettings,
    connection: Connection,
    intake: Intake,
    hooks: { readonly open: (session: WorkerSession) => void; readonly closed: (session: WorkerSession) => void },
  ) {
    this.settings = settings;
    this.connection = connection;
    this.intake = intake;
    this.onOpen = hooks.open;
    this.onClosed = hooks.closed;
    const { clock, timers } = settings;
    this.bucket = tokenBucket(settings.messagesPerSecond, settings.messagesPerSecond * 2, clock.monoMs());
    this.sending = sendingTo(connection, clock, timers, (code, reason) => this.close(code, reason));
    this.authTimer = timers.wakeAt(clock.monoMs() + limits.authMs, () => {
      if (this.phase === 'hello') this.refuse('UNAUTHENTICATED', `no valid hello within ${limits.authMs} ms`, RETRY_SOON_MS, closeCodes.protocol);
    });
  }

  frame(text: string): void {
    if (this.phase === 'closed' || !this.withinRate()) return;
    if (this.busy) {
      if (this.queue.length >= FRAMES_WAITING)
        this.refuse('RATE_LIMITED', `more than ${FRAMES_WAITING} frames are waiting`, RETRY_SOON_MS, closeCodes.protocol);
      else this.queue.push(text);
      return;
    }
    this.take(text);
  }

  closed(): void {
    if (this.phase === 'closed') return;
    this.shut();
    this.onClosed(this);
  }

  send(frame: OutFrame): void {
    if (this.phase !== 'open') return;
    if (!this.welcomed && frame.type !== 'welcome') {
      this.beforeWelcome.push(frame);
      return;
    }
    this.bucket.credit(frame.tasks * CREDIT_PER_TASK);
    this.sending.send(frame.text);
    if (frame.type !== 'welcome') return;
    this.welcomed = true;
    for (const waiting of this.beforeWelcome.splice(0)) this.send(waiting);
  }

  pause(): void {
    this.hold('loop', true);
  }

  resume(): void {
    this.hold('loop', false);
  }

  /** Ends the connection from our side; the loop hears of it like of any other close. */
  close(code: number, reason: string): void {
    if (this.phase === 'closed') return;
    this.shut();
    this.connection.close(code, reason.slice(0, 120));
    this.onClosed(this);
  }

  /** A newer socket of the same start took over: nothing of this one counts any more, and nobody is told it closed. */
  replace(): void {
    if (this.phase === 'closed') return;
    this.shut();
    this.connection.close(closeCodes.replaced, 'a newer connection of the same worker took over');
  }

  private shut(): void {
    this.phase = 'closed';
    this.queue.length = 0;
    this.beforeWelcome.length = 0;
    this.authTimer.cancel();
    this.sending.stop();
  }

  private refuse(code: ErrorCode, message: string, retryMs: number | null, closeCode: number): void {
    if (this.phase === 'closed') return;
    const refused: ToWorker = { type: 'refused', code, message: message.slice(0, 1_000), retryMs };
    this.settings.journal.note('warn', 'worker connection refused', {
      code,
      message: refused.message,
      worker: this.phase === 'open' ? this.worker : undefined,
    });
    this.sending.send(JSON.stringify(refused));
    this.close(closeCode, code);
  }

  /** Slows a talkative worker by not reading; cuts it off only when it outruns that. */
  private withinRate(): boolean {
    const { clock, timers, messagesPerSecond } = this.settings;
    const balance = this.bucket.take(clock.monoMs());
    if (balance < -FRAMES_WAITING) {
      this.refuse('RATE_LIMITED', `more than ${messagesPerSecond} frames a second`, RETRY_SOON_MS, closeCodes.protocol);
      return false;
    }
    if (balance < 0 && !this.holds.has('rate')) {
      this.hold('rate', true);
      timers.wakeAt(clock.monoMs() + this.bucket.waitMs(), () => this.hold('rate', false));
    }
    return true;
  }

  private hold(why: 'rate' | 'loop' | 'lookup', on: boolean): void {
    const before = this.holds.size > 0;
    if (on) this.holds.add(why);
    else this.holds.delete(why);
    const after = this.holds.size > 0;
    if (this.phase === 'closed' || before === after) return;
    if (after) this.connection.pause();
    else this.connection.resume();
  }

  private take(text: string): void {
    const message = this.parse(text);
    if (message === null) return;
    if (message.type === 'hello') {
      if (this.phase === 'hello') this.wait(this.greet(message));
      else this.refuse('INVALID_INPUT', 'a second hello on the same connection', RETRY_SOON_MS, closeCodes.protocol);
    } else if (this.phase === 'hello') {
      this.refuse('UNAUTHENTICATED', 'the first frame must be hello', RETRY_SOON_MS, closeCodes.protocol);
    } else if (message.type === 'report') {
      this.report(message);
    } else {
      this.intake.heard(this.worker, message);
    }
  }

  private parse(text: string): FromWorker | null {
    if (text.length > limits.controlFrameBytes) {
      this.refuse('TOO_LARGE', `a frame of ${text.length} bytes; at most ${limits.controlFrameBytes}`, RETRY_SOON_MS, closeCodes.tooLarge);
      return null;
    }
    const trouble = jsonTrouble(text);
    if (trouble !== null) {
      this.refuse('INVALID_INPUT', trouble, RETRY_SOON_MS, closeCodes.protocol);
      return null;
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.refuse('INVALID_INPUT', 'a frame that is not JSON', RETRY_SOON_MS, closeCodes.protocol);
      return null;
    }
    const parsed = parseQuickly(fromWorkerSchema, value);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? 'the frame' : issue.path.join('.');
    this.refuse('INVALID_INPUT', `${where} does not fit the wire: ${issue?.message ?? 'unknown shape'}`, RETRY_SOON_MS, closeCodes.protocol);
    return null;
  }

  /** Runs `work` with later frames waiting behind it. */
  private wait(work: Promise<void>): void {
    this.busy = true;
    this.hold('lookup', true);
    const done = (): void => {
      this.busy = false;
      this.hold('lookup', false);
      while (!this.busy && this.phase !== 'closed' && this.queue.length > 0) this.take(this.queue.shift() as string);
    };
    work.then(done, (thrown: unknown) => {
      this.settings.journal.note('error', 'a look-up for a worker failed', { message: toUdcsError(thrown).message });
      this.refuse('STORE_UNAVAILABLE', 'the coordinator can not check this now', RETRY_STORE_MS, closeCodes.overloaded);
    });
  }

  private async greet(hello: Hello): Promise<void> {
    if (!hello.versions.includes(PROTOCOL_VERSION)) {
      this.refuse(
        'UNSUPPORTED',
        `protocol version ${PROTOCOL_VERSION} is spoken here, this worker offers ${hello.versions.join(', ')}`,
        null,
        closeCodes.refused,
      );
      return;
    }
    const key = await this.settings.keys.lookup(hello.key);
    if (this.phase === 'closed') return;
    if (key === null) this.refuse('UNAUTHENTICATED', 'the worker key is unknown or revoked; join again with an invite', null, closeCodes.refused);
    else if (key.hostKey !== hello.hostKey || key.kind !== hello.kind)
      this.refuse('FORBIDDEN', 'the worker key belongs to another host', null, closeCodes.refused);
    else if (this.intake.draining) this.refuse('OVERLOADED', 'the coordinator is stopping', RETRY_SOON_MS, closeCodes.overloaded);
    else this.open(hello, key.owner);
  }

  private open(hello: Hello, owner: string | null): void {
    this.worker = workerIdOf(hello.hostKey, hello.instance);
    this.instance = hello.instance;
    this.owner = owner;
    const { held, unproven } = proven(this.settings.grants, this.worker, hello.instance, hello.holding, hello.grants);
    this.phase = 'open';
    this.authTimer.cancel();
    this.onOpen(this);
    this.intake.joined(this, {
      worker: this.worker,
      host: hostIdOf(hello.hostKey),
      kind: hello.kind,
      name: hello.name,
      instance: hello.instance,
      software: hello.software,
      owner,
      network: networkOf(this.connection.remoteAddress),
      capabilities: hello.capabilities,
      load: hello.load,
      cached: hello.cached,
      holding: held.map(({ state, ...ref }) => ({ ref, state })),
      unproven: unproven.map(({ task, epoch, attempt }): AttemptRef => ({ task, epoch, attempt })),
    });
  }

  private report(report: Extract<FromWorker, { type: 'report' }>): void {
    const checked = this.settings.outputs(report);
    if (!(checked instanceof Promise)) {
      this.intake.heard(this.worker, checked);
      return;
    }
    this.wait(
      checked.then((result) => {
        if (this.phase === 'open') this.intake.heard(this.worker, result);
      }),
    );
  }
}
