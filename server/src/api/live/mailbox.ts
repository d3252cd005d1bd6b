// A bounded mailbox between callbacks and one async loop: the callbacks never wait, the loop wakes when there is something.
// Over its bound it empties itself and says so; whoever reads it then goes back to the store instead.
export interface Mailbox<T> {
  /** @param weight bytes it keeps in memory, roughly */
  put(item: T, weight: number): void;
  /** Waits for something to take, for `maxMs` at most; `stopped` once the signal aborted. `overflowed`: items were lost. */
  take(maxMs?: number): Promise<{ readonly items: readonly T[]; readonly overflowed: boolean; readonly stopped: boolean }>;
}

/** Ends waits when `signal` aborts, so that no subscription outlives its client. */
export function createMailbox<T>(signal: AbortSignal, maxWeight: number): Mailbox<T> {
  let items: T[] = [];
  let weight = 0;
  let overflowed = false;
  let wake: (() => void) | null = null;
  signal.addEventListener('abort', () => wake?.(), { once: true });
  return {
    put(item, itemWeight) {
      if (signal.aborted || overflowed) return;
      if (weight + itemWeight > maxWeight) {
        overflowed = true;
        items = [];
        weight = 0;
      } else {
        items.push(item);
        weight += itemWeight;
      }
      wake?.();
    },
    async take(maxMs) {
      if (items.length === 0 && !overflowed && !signal.aborted) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (maxMs !== undefined) timer = setTimeout(resolve, maxMs);
        });
        clearTimeout(timer);
        wake = null;
      }
      const taken = { items, overflowed, stopped: signal.aborted };
      items = [];
      weight = 0;
      overflowed = false;
      return taken;
    },
  };
}
