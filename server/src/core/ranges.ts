// Task indexes of a job that nobody has touched yet, as sorted inclusive ranges: a million-entry array is one pair of numbers.

export class Ranges {
  private parts: [from: number, to: number][] = [];
  private first = 0;
  size = 0;

  /** Adds indexes after all that are inside. */
  append(from: number, to: number): void {
    if (to < from) return;
    const last = this.parts.length > this.first ? this.parts[this.parts.length - 1] : undefined;
    if (last !== undefined && last[1] === from - 1) last[1] = to;
    else this.parts.push([from, to]);
    this.size += to - from + 1;
  }

  /** The lowest index, or -1. */
  peek(): number {
    return this.parts[this.first]?.[0] ?? -1;
  }

  /** Takes the lowest index out, or returns -1. */
  take(): number {
    const part = this.parts[this.first];
    if (part === undefined) return -1;
    const index = part[0];
    if (part[0] === part[1]) this.dropFirst();
    else part[0]++;
    this.size--;
    return index;
  }

  has(index: number): boolean {
    return this.find(index) >= 0;
  }

  /** Takes one index out wherever it stands; returns whether it was inside. */
  remove(index: number): boolean {
    const at = this.find(index);
    if (at < 0) return false;
    const [from, to] = this.parts[at] as [number, number];
    const rest: [number, number][] = [];
    if (from < index) rest.push([from, index - 1]);
    if (index < to) rest.push([index + 1, to]);
    this.parts.splice(at, 1, ...rest);
    this.size--;
    return true;
  }

  clear(): void {
    this.parts = [];
    this.first = 0;
    this.size = 0;
  }

  private dropFirst(): void {
    this.first++;
    if (this.first > 64 && this.first * 2 > this.parts.length) {
      this.parts = this.parts.slice(this.first);
      this.first = 0;
    }
  }

  private find(index: number): number {
    let low = this.first;
    let high = this.parts.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const [from, to] = this.parts[middle] as [number, number];
      if (index < from) high = middle - 1;
      else if (index > to) low = middle + 1;
      else return middle;
    }
    return -1;
  }
}
