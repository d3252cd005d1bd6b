// A growing set of small integers, one bit each: which classes a bucket may run, which classes have openings.

export class Bits {
  words: Uint32Array;

  constructor(capacity = 64) {
    this.words = new Uint32Array(Math.max(1, (capacity + 31) >>> 5));
  }

  has(index: number): boolean {
    const word = this.words[index >>> 5];
    return word !== undefined && (word & (1 << (index & 31))) !== 0;
  }

  /** Returns whether the bit was clear before. */
  add(index: number): boolean {
    const at = index >>> 5;
    if (at >= this.words.length) {
      const wider = new Uint32Array(Math.max(at + 1, this.words.length * 2));
      wider.set(this.words);
      this.words = wider;
    }
    const word = this.words[at] as number;
    const bit = 1 << (index & 31);
    this.words[at] = word | bit;
    return (word & bit) === 0;
  }

  delete(index: number): void {
    const at = index >>> 5;
    if (at < this.words.length) this.words[at] = (this.words[at] as number) & ~(1 << (index & 31));
  }
}

/** The smallest index at or after `from` that is in both sets, or -1. */
export function nextCommon(a: Bits, b: Bits, from: number): number {
  const length = Math.min(a.words.length, b.words.length);
  let at = from >>> 5;
  if (at >= length) return -1;
  let common = (a.words[at] as number) & (b.words[at] as number) & (-1 << (from & 31));
  while (common === 0) {
    at++;
    if (at >= length) return -1;
    common = (a.words[at] as number) & (b.words[at] as number);
  }
  return (at << 5) + (31 - Math.clz32(common & -common));
}
