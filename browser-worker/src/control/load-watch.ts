// How busy and how hot this machine is, as far as a tab can see: Compute Pressure where the browser has it, else how late a
// timer comes. It decides how many slots are used now; the owner's limits are the ceiling.
import type { Load } from '@udcs/protocol';
import type { DonationLimits } from '../page/state.ts';
import type { GpuReport } from './machine.ts';
import type { Conditions } from './surface.ts';

export type Pressure = 'nominal' | 'fair' | 'serious' | 'critical';

const PERIOD_MS = 1_000;
/** Mean lateness above which the machine counts as busy; timers of an idle machine are a few milliseconds late. */
const LATE_MS = 60;
/** Enough cores to tell all, half and one apart. */
const LEVELS = 8;
const OTHERS: Readonly<Record<Pressure, number>> = { nominal: 0, fair: 0.3, serious: 0.7, critical: 0.95 };

interface PressureObserverLike {
  observe(source: 'cpu', options?: { sampleInterval?: number }): Promise<void>;
  disconnect(): void;
}
type PressureObserverClass = new (callback: (records: readonly { readonly state: Pressure }[]) => void) => PressureObserverLike;

export class LoadWatch {
  readonly #busyMs: () => number;
  readonly #changed: () => void;
  #observer: PressureObserverLike | null = null;
  #observed: Pressure | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lateMs = 0;
  #state: Pressure = 'nominal';
  #ownShare = 0;

  /** @param busyMs milliseconds of slots that this tab has been busy, all its slots together, since any moment */
  constructor(busyMs: () => number, changed: () => void) {
    this.#busyMs = busyMs;
    this.#changed = changed;
  }

  start(): void {
    const Observer = Reflect.get(globalThis, 'PressureObserver') as PressureObserverClass | undefined;
    if (Observer !== undefined) {
      this.#observer = new Observer((records) => {
        this.#observed = records.at(-1)?.state ?? null;
        this.#decide();
      });
      // Refused by permissions policy: the timer below is the fallback.
      this.#observer.observe('cpu', { sampleInterval: PERIOD_MS }).catch(() => {
        this.#observer = null;
      });
    }
    let expectedAtMs = performance.now() + PERIOD_MS;
    let busyMs = this.#busyMs();
    this.#timer = setInterval(() => {
      const lateMs = Math.max(0, performance.now() - expectedAtMs);
      // A frozen or suspended tab comes back minutes late: that is no load.
      if (lateMs < 5 * PERIOD_MS) this.#lateMs = this.#lateMs * 0.7 + lateMs * 0.3;
      const share = (this.#busyMs() - busyMs) / ((PERIOD_MS + lateMs) * Math.max(1, navigator.hardwareConcurrency));
      this.#ownShare = this.#ownShare * 0.5 + Math.min(1, share) * 0.5;
      busyMs = this.#busyMs();
      expectedAtMs = performance.now() + PERIOD_MS;
      this.#decide();
    }, PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#observer?.disconnect();
    this.#observer = null;
  }

  /** How many of the owner's cores to use now. */
  slots(cores: number): number {
    const others = this.cpuOthers();
    if (others >= OTHERS.serious) return 1;
    return others > OTHERS.fair ? Math.max(1, Math.floor(cores / 2)) : cores;
  }

  /**
   * Share of the machine that other programs use, 0..1. What our own tasks press is taken off: else a tab that was lent the whole
   * machine would slow down because of itself. Late timers are a sign of others whatever our share is.
   */
  cpuOthers(): number {
    const pressed = Math.max(0, OTHERS[this.#state] - this.#ownShare);
    return this.#lateMs > LATE_MS ? Math.max(pressed, OTHERS.serious) : pressed;
  }

  #decide(): void {
    const before = this.slots(LEVELS);
    this.#state = this.#observed ?? 'nominal';
    if (this.slots(LEVELS) !== before) this.#changed();
  }
}

export interface LoadFacts {
  readonly cache: { readonly capacityBytes: number; readonly usedBytes: number };
  readonly watch: LoadWatch;
  readonly limits: DonationLimits;
  readonly conditions: Conditions;
  readonly slots: number;
  readonly gpu: GpuReport | null;
}

/** What a renewal says. */
export function loadOf({ cache, watch, limits, conditions, slots, gpu }: LoadFacts): Load {
  return {
    cpuOthers: watch.cpuOthers(),
    memoryFreeBytes: limits.memoryBytes,
    diskFreeBytes: Math.max(0, Math.floor(cache.capacityBytes - cache.usedBytes)),
    battery: conditions.battery,
    throttle: Math.min(1, slots / Math.max(1, limits.cores)),
    devices: gpu === null ? [] : [{ id: 'gpu0', busy: null, vramFreeBytes: null }],
  };
}
