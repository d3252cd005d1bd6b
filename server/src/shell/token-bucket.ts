// How many frames a worker may send: a steady rate with a burst, and extra credit for work it was given, so that a worker
// with many short tasks is never slowed while an idle one can not flood.
export interface TokenBucket {
  /** Takes one token, into debt if need be. Returns the balance. */
  take(nowMs: number): number;
  credit(tokens: number): void;
  /** Milliseconds until the balance is positive again. */
  waitMs(): number;
}

export function tokenBucket(perSecond: number, burst: number, nowMs: number): TokenBucket {
  let tokens = burst;
  let filledAtMs = nowMs;
  return {
    take(atMs) {
      if (atMs > filledAtMs) {
        // Credit may stand above the burst; refilling never takes it away.
        if (tokens < burst) tokens = Math.min(burst, tokens + ((atMs - filledAtMs) * perSecond) / 1000);
        filledAtMs = atMs;
      }
      tokens -= 1;
      return tokens;
    },
    credit(extra) {
      tokens = Math.min(tokens + extra, burst * 100);
    },
    waitMs: () => (tokens > 0 ? 0 : Math.ceil(((1 - tokens) * 1000) / perSecond)),
  };
}
