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
const OTHERS: Readonly<Record<Pressure, number>> = { nominal: 0, fair: 0.3, serious: 0.7, critical: 0.95 };

interface PressureObserverLike {
  observe(source: 'cpu', options?: { sampleInterval?: number }): Promise<void>;
  disconnect(): void;
}
type PressureObserverClass = new (callback: (records: readonly { readonly state: Pressure }[]) => void) => PressureObserverLike;

export class LoadWatch {
  readonly #changed: () => void;
  #observer: PressureObserverLike | null = null;
  #observed: Pressure | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lateMs = 0;
  #state: Pressure = 'nominal';

  constructor(changed: () => void) {
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
    this.#timer = setInterval(() => {
      const lateMs = Math.max(0, performance.now() - expectedAtMs);
      // A frozen or suspended tab comes back minutes late: that is no load.
      if (lateMs < 5 * PERIOD_MS) this.#lateMs = this.#lateMs * 0.7 + lateMs * 0.3;
      expectedAtMs = performance.now() + PERIOD_MS;
      this.#decide();
    }, PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#observer?.disconnect();
    this.#observer = null;
  }

  get pressure(): Pressure {
    return this.#state;
  }

  /** Share of the machine that other programs use, 0..1. The pressure includes our own share, which is taken off. */
  cpuOthers(ownShare: number): number {
    return Math.max(0, Math.min(1, OTHERS[this.#state] - ownShare));
  }

  #decide(): void {
    const next = this.#observed ?? (this.#lateMs > LATE_MS ? 'serious' : 'nominal');
    if (next === this.#state) return;
    this.#state = next;
    this.#changed();
  }
}

export interface LoadFacts {
  readonly cache: { readonly capacityBytes: number; readonly usedBytes: number };
  readonly floor: { readonly running: number };
  readonly watch: LoadWatch;
  readonly limits: DonationLimits;
  readonly conditions: Conditions;
  readonly slots: number;
  readonly gpu: GpuReport | null;
}

/** What a renewal says. */
export function loadOf({ cache, floor, watch, limits, conditions, slots, gpu }: LoadFacts): Load {
  return {
    cpuOthers: watch.cpuOthers(floor.running / Math.max(1, navigator.hardwareConcurrency)),
    memoryFreeBytes: limits.memoryBytes,
    diskFreeBytes: Math.max(0, Math.floor(cache.capacityBytes - cache.usedBytes)),
    battery: conditions.battery,
    throttle: Math.min(1, slots / Math.max(1, limits.cores)),
    devices: gpu === null ? [] : [{ id: 'gpu0', busy: null, vramFreeBytes: null }],
  };
}
