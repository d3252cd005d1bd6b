// How long to wait before trying again: doubling, with half of it random, so that ten thousand tabs do not come back in one
// second after a coordinator restarts.

export interface BackoffBounds {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** @param random 0..1 */
export function backoffMs(attempt: number, bounds: BackoffBounds, random: number): number {
  const whole = Math.min(bounds.mostMs, bounds.firstMs * 2 ** Math.min(attempt, 30));
  return whole * (0.5 + random / 2);
}
