// Virtual time: a heap of things to do, in order of time and then of asking. Nothing in a simulation happens outside of it.
export interface Planned {
  canceled: boolean;
}

interface Item extends Planned {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class Agenda {
  nowMs = 0;
  /** What a wall clock adds to the time; jumps. */
  wallOffsetMs = 1_700_000_000_000;
  private readonly heap: Item[] = [];
  private order = 0;

  get length(): number {
    return this.heap.length;
  }

  get nextAtMs(): number | null {
    return this.heap[0]?.atMs ?? null;
  }

  at(atMs: number, run: () => void): Planned {
    const item: Item = { atMs: Math.max(atMs, this.nowMs), order: this.order++, run, canceled: false };
    this.heap.push(item);
    let child = this.heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.before(child, parent)) break;
      this.swap(child, parent);
      child = parent;
    }
    return item;
  }

  in(ms: number, run: () => void): Planned {
    return this.at(this.nowMs + ms, run);
  }

  /** Does the next thing; false when there is none. */
  step(): boolean {
    const item = this.take();
    if (item === undefined) return false;
    this.nowMs = item.atMs;
    if (!item.canceled) item.run();
    return true;
  }

  private take(): Item | undefined {
    const top = this.heap[0];
    const last = this.heap.pop();
    if (top === undefined || last === undefined || this.heap.length === 0) return top;
    this.heap[0] = last;
    let parent = 0;
    for (;;) {
      const left = parent * 2 + 1;
      let least = parent;
      if (left < this.heap.length && this.before(left, least)) least = left;
      if (left + 1 < this.heap.length && this.before(left + 1, least)) least = left + 1;
      if (least === parent) return top;
      this.swap(parent, least);
      parent = least;
    }
  }

  private before(first: number, second: number): boolean {
    const a = this.heap[first] as Item;
    const b = this.heap[second] as Item;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  private swap(first: number, second: number): void {
    const item = this.heap[first] as Item;
    this.heap[first] = this.heap[second] as Item;
    this.heap[second] = item;
  }
}
