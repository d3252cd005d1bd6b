// The timer heap of the fleet. Nothing is taken out early: whoever fires looks whether its subject still wants it. Equal times
// fire in the order they were set, so that a replay is exact.
import type { JobId } from '@udcs/protocol';
import type { Attempt, Task, Worker } from './model.ts';

export type Timer =
  /** Silence, lease end, or the grace of a closed socket. */
  | { readonly kind: 'worker'; readonly worker: Worker }
  /** A paced worker may take work again. */
  | { readonly kind: 'rested'; readonly worker: Worker }
  | { readonly kind: 'backoff'; readonly task: Task }
  /** Execution limit, missing progress, a holder that did not come back, a cancel that was not answered. */
  | { readonly kind: 'attempt'; readonly attempt: Attempt }
  | { readonly kind: 'queue'; readonly job: JobId }
  | { readonly kind: 'deadline'; readonly job: JobId }
  | { readonly kind: 'plan'; readonly job: JobId }
  | { readonly kind: 'journal' };

interface Entry {
  readonly atMonoMs: number;
  readonly order: number;
  readonly timer: Timer;
}

const earlier = (a: Entry, b: Entry): boolean => a.atMonoMs < b.atMonoMs || (a.atMonoMs === b.atMonoMs && a.order < b.order);

export class Timers {
  private readonly heap: Entry[] = [];
  private order = 0;

  get size(): number {
    return this.heap.length;
  }

  nextAtMonoMs(): number | null {
    return this.heap[0]?.atMonoMs ?? null;
  }

  set(atMonoMs: number, timer: Timer): void {
    const entry: Entry = { atMonoMs, order: this.order++, timer };
    let at = this.heap.length;
    this.heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!earlier(entry, this.heap[parent] as Entry)) break;
      this.heap[at] = this.heap[parent] as Entry;
      at = parent;
    }
    this.heap[at] = entry;
  }

  /** The earliest timer that is due, or null. */
  takeDue(monoMs: number): Timer | null {
    const top = this.heap[0];
    if (top === undefined || top.atMonoMs > monoMs) return null;
    const last = this.heap.pop() as Entry;
    if (this.heap.length > 0) this.sink(last);
    return top.timer;
  }

  private sink(entry: Entry): void {
    const { length } = this.heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && earlier(this.heap[child + 1] as Entry, this.heap[child] as Entry)) child++;
      if (!earlier(this.heap[child] as Entry, entry)) break;
      this.heap[at] = this.heap[child] as Entry;
      at = child;
    }
    this.heap[at] = entry;
  }
}
