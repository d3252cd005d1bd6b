// The page's side of a donation: consent (a click), the Web Lock, what only a page can see (battery, freezing, going away), and
// a state to draw. It starts the control Worker and talks to it through comlink; it runs no task and opens no connection.
import { toUdcsError, UdcsError } from '@udcs/protocol';
import { proxy, type Remote, wrap } from 'comlink';
import type { Conditions, ControlSurface } from '../control/surface.ts';
import { type DonationLimits, type DonationState, defaultLimits, idleState } from './state.ts';

export interface DonationOptions {
  /** Base URL of the coordinator; default: this page's origin. */
  readonly coordinatorUrl?: string;
  /** URL of the worker bundle's manifest; default: `<coordinatorUrl>/worker/manifest.json`. */
  readonly manifestUrl?: string;
  /** Invite of the donate link (what stands after the #); null when this browser joined before. */
  readonly code: string | null;
}

export interface Donation {
  readonly state: DonationState;
  /** Calls at once and at every change; returns how to stop. */
  subscribe(listener: (state: DonationState) => void): () => void;
  /**
   * Starts, or goes on after leave(). Must be called from a click or key press.
   * @throws UdcsError POLICY without one
   */
  start(limits?: Partial<DonationLimits>): Promise<void>;
  /** Acts in under a second: tasks are stopped and handed back, nothing runs. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  setLimits(limits: Partial<DonationLimits>): Promise<void>;
  leave(): Promise<void>;
  /** leave, and delete this browser's key pair, worker key and cached artifacts. */
  forget(): Promise<void>;
}

/** Names in the manifest that scripts/bundle.mjs writes, relative to it. */
interface Manifest {
  readonly control: string;
  readonly task: string;
}

const LOCK = 'udcs-donate';
/** How long a stopping page waits for its Worker to say so. */
const LAST_WORDS_MS = 100;

interface BatteryLike extends EventTarget {
  readonly level: number;
  readonly charging: boolean;
}

interface Running {
  readonly worker: Worker;
  readonly control: Remote<ControlSurface>;
  /** Removes listeners and gives the lock back. */
  readonly end: () => void;
}

export function createDonation(options: DonationOptions): Donation {
  return new TabDonation(options);
}

class TabDonation implements Donation {
  readonly #coordinatorUrl: string;
  readonly #manifestUrl: string;
  readonly #code: string | null;
  readonly #listeners = new Set<(state: DonationState) => void>();
  #state: DonationState;
  #running: Running | null = null;
  #starting = false;
  #battery: BatteryLike | null = null;
  #frozen = false;

  constructor({ coordinatorUrl, manifestUrl, code }: DonationOptions) {
    this.#coordinatorUrl = (coordinatorUrl ?? location.origin).replace(/\/+$/, '');
    this.#manifestUrl = manifestUrl ?? `${this.#coordinatorUrl}/worker/manifest.json`;
    this.#code = code === '' ? null : code;
    this.#state = idleState(defaultLimits(navigator));
  }

  get state(): DonationState {
    return this.#state;
  }

  subscribe(listener: (state: DonationState) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#state);
    return () => this.#listeners.delete(listener);
  }

  async start(limits: Partial<DonationLimits> = {}): Promise<void> {
    if (navigator.userActivation?.isActive === false) {
      throw new UdcsError('POLICY', 'A donation starts with a click, never by itself.', { hint: 'call start() from the handler of a button' });
    }
    if (this.#running !== null || this.#starting) return;
    this.#starting = true;
    const chosen = checkedLimits({ ...this.#state.limits, ...limits });
    this.#set({ ...idleState(chosen), phase: 'joining', sentence: 'Loading the worker.' });
    try {
      this.#running = await this.#open(chosen);
    } catch (thrown) {
      const error = toUdcsError(thrown, 'UNREACHABLE').toRecord();
      this.#set({ ...idleState(chosen), phase: 'refused', sentence: error.message, error });
    } finally {
      this.#starting = false;
    }
  }

  async pause(): Promise<void> {
    await this.#running?.control.pause();
  }

  async resume(): Promise<void> {
    await this.#running?.control.resume();
  }

  async setLimits(limits: Partial<DonationLimits>): Promise<void> {
    const chosen = checkedLimits({ ...this.#state.limits, ...limits });
    this.#set({ ...this.#state, limits: chosen });
    await this.#running?.control.setLimits(chosen);
  }

  async leave(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    await running.control.leave(null);
    this.#close(running);
  }

  async forget(): Promise<void> {
    const running = this.#running ?? (await this.#load());
    await running.control.forget();
    this.#close(running);
  }

  async #open(limits: DonationLimits): Promise<Running> {
    await this.#findBattery();
    const running = await this.#load();
    const listener = proxy((state: DonationState) => {
      if (this.#running === running || this.#starting) this.#set(state);
    });
    // Not awaited: joining may take as long as the network is away.
    running.control
      .start({ coordinatorUrl: this.#coordinatorUrl, code: this.#code, taskUrl: running.taskUrl, limits, conditions: this.#conditions() }, listener)
      .catch((thrown: unknown) => {
        const error = toUdcsError(thrown).toRecord();
        this.#set({ ...this.#state, phase: 'refused', sentence: error.message, error });
      });
    return running;
  }

  async #load(): Promise<Running & { readonly taskUrl: string }> {
    const response = await fetch(this.#manifestUrl).catch(() => null);
    if (response === null || !response.ok)
      throw new UdcsError('UNREACHABLE', 'The worker could not be loaded from the coordinator.', { hint: 'check the address and try again' });
    const manifest = (await response.json()) as Manifest;
    const base = new URL(this.#manifestUrl, location.href);
    const worker = new Worker(new URL(manifest.control, base), { type: 'module', name: 'udcs-control' });
    const control = wrap<ControlSurface>(worker);
    return { worker, control, taskUrl: new URL(manifest.task, base).href, end: this.#watchPage(control) };
  }

  /** Listeners that tell the control Worker what only a page can know, and the lock that keeps a busy tab from being frozen. */
  #watchPage(control: Remote<ControlSurface>): () => void {
    const listeners = new AbortController();
    const on = { signal: listeners.signal };
    const tell = (flag: SharedArrayBuffer | null): void => void control.setConditions(this.#conditions(), flag);
    addEventListener('pagehide', () => lastWords((flag) => void control.leave(flag)), on);
    addEventListener('online', () => void control.online(), on);
    document.addEventListener(
      'freeze',
      () => {
        this.#frozen = true;
        lastWords(tell);
      },
      on,
    );
    document.addEventListener(
      'resume',
      () => {
        this.#frozen = false;
        tell(null);
      },
      on,
    );
    for (const name of ['chargingchange', 'levelchange']) this.#battery?.addEventListener(name, () => tell(null), on);
    // Shared: a second tab of this profile donates too, as another worker of the same host.
    const lock = new AbortController();
    navigator.locks
      ?.request(LOCK, { mode: 'shared' }, () => new Promise<void>((resolve) => lock.signal.addEventListener('abort', () => resolve())))
      .catch(() => undefined);
    return () => {
      listeners.abort();
      lock.abort();
    };
  }

  async #findBattery(): Promise<void> {
    const getBattery = Reflect.get(navigator, 'getBattery') as (() => Promise<BatteryLike>) | undefined;
    this.#battery ??= (await getBattery?.call(navigator).catch(() => null)) ?? null;
  }

  #conditions(): Conditions {
    const battery = this.#battery;
    return { battery: battery === null ? null : { level: battery.level, charging: battery.charging }, frozen: this.#frozen };
  }

  #close(running: Running): void {
    running.end();
    running.worker.terminate();
    this.#running = null;
    this.#set({ ...this.#state, phase: 'left', pausedBy: null, tasks: [], sentence: 'You have left. Nothing runs any more.' });
  }

  #set(state: DonationState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

/**
 * The page stops now, for a while or for good. The message to the control Worker is posted at once, but the browser stops that
 * Worker too, perhaps before it has sent its frames, so the page waits for a flag, where shared memory exists, for a tenth of a
 * second at most.
 */
function lastWords(say: (flag: SharedArrayBuffer | null) => void): void {
  const flag = globalThis.crossOriginIsolated ? new SharedArrayBuffer(4) : null;
  say(flag);
  if (flag === null) return;
  const view = new Int32Array(flag);
  const untilMs = performance.now() + LAST_WORDS_MS;
  while (Atomics.load(view, 0) === 0 && performance.now() < untilMs);
}

/** @throws UdcsError INVALID_INPUT naming the limit */
function checkedLimits(limits: DonationLimits): DonationLimits {
  const bad = (name: string, want: string): never => {
    throw new UdcsError('INVALID_INPUT', `limits.${name} must be ${want}`);
  };
  if (!Number.isInteger(limits.cores) || limits.cores < 1 || limits.cores > 256) bad('cores', 'a whole number from 1 to 256');
  if (!(limits.gpuShare >= 0 && limits.gpuShare <= 1)) bad('gpuShare', 'between 0 and 1');
  if (!Number.isSafeInteger(limits.memoryBytes) || limits.memoryBytes < 1) bad('memoryBytes', 'a whole number of bytes');
  if (!(limits.megabytesPerDay >= 0)) bad('megabytesPerDay', 'zero or more');
  const isHour = (hour: number): boolean => Number.isInteger(hour) && hour >= 0 && hour <= 23;
  if (limits.hours !== null && !(isHour(limits.hours.from) && isHour(limits.hours.to))) bad('hours', 'two hours from 0 to 23');
  return limits;
}
