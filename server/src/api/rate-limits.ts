// Counts events per key in a sliding window of whole minutes; bounded memory, no timers. Time is an argument of the maker.
export interface RateLimit {
  /** Counts one; false when the key is over its limit. */
  take(key: string): boolean;
  /** Whether the key is over its limit, without counting. */
  exceeded(key: string): boolean;
}

/** @param perMinute events allowed per key and minute */
export function createRateLimit(perMinute: number, monoMs: () => number, maxKeys = 10_000): RateLimit {
  const windows = new Map<string, { startedAtMs: number; count: number }>();
  const current = (key: string): { startedAtMs: number; count: number } => {
    const nowMs = monoMs();
    const known = windows.get(key);
    if (known !== undefined && nowMs - known.startedAtMs < 60_000) return known;
    windows.delete(key);
    const fresh = { startedAtMs: nowMs, count: 0 };
    windows.set(key, fresh);
    if (windows.size > maxKeys) windows.delete(windows.keys().next().value as string); // oldest first
    return fresh;
  };
  return {
    take(key) {
      const window = current(key);
      window.count++;
      return window.count <= perMinute;
    },
    exceeded: (key) => current(key).count >= perMinute,
  };
}
