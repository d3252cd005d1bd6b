// A set in order of arrival that is mostly emptied from its front. A native Set would do, but looking at its first member steps over
// everything that was removed before it, until it shrinks.

/** Removed members at the front that are kept before they are cut off. */
const SLACK = 256;

export class Fifo<T> {
  private order: T[] = [];
  private head = 0;
  private readonly members = new Set<T>();

  get size(): number {
    return this.members.size;
  }

  add(member: T): void {
    if (this.members.has(member)) return;
    this.members.add(member);
    this.order.push(member);
  }

  delete(member: T): boolean {
    if (!this.members.delete(member)) return false;
    while (this.head < this.order.length && !this.members.has(this.order[this.head] as T)) this.head++;
    if (this.head === this.order.length || (this.head > SLACK && this.head * 2 > this.order.length)) {
      this.order = this.order.slice(this.head);
      this.head = 0;
    }
    return true;
  }

  /** The member at hand may be removed meanwhile. A member must not come back after it was removed. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    const { order, head } = this;
    for (let at = head; at < order.length; at++) {
      const member = order[at] as T;
      if (this.members.has(member)) yield member;
    }
  }
}
