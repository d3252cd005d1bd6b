// How long the event loop keeps others waiting: the longest delay of the last window, for /readyz and /metrics.
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopLag {
  /** Longest delay of the window before this one or of this one, whichever is larger. */
  readonly ms: number;
  stop(): void;
}

const RESOLUTION_MS = 20;
const WINDOW_MS = 2_000;

export function watchLoopLag(): LoopLag {
  const histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const lagMs = () => Math.max(0, histogram.max / 1e6 - RESOLUTION_MS);
  let before = 0;
  const timer = setInterval(() => {
    before = lagMs();
    histogram.reset();
  }, WINDOW_MS).unref();
  return {
    get ms() {
      return Math.max(before, lagMs());
    },
    stop() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
