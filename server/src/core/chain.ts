// A set in order of arrival whose links lie in its members: adding, removing and asking cost no hashing and no memory. A member is in
// one chain at a time.

export interface Linked<T extends Linked<T>> {
  chain: Chain<T> | null;
  before: T | null;
  after: T | null;
}

export class Chain<T extends Linked<T>> {
  private first: T | null = null;
  private last: T | null = null;
  size = 0;

  has(member: T): boolean {
    return member.chain === this;
  }

  /** At the end; a member that is here stays where it is. */
  add(member: T): void {
    if (member.chain !== null) {
      if (this.has(member)) return;
      throw new Error('it is in another chain');
    }
    member.chain = this;
    member.before = this.last;
    if (this.last === null) this.first = member;
    else this.last.after = member;
    this.last = member;
    this.size++;
  }

  /** Returns whether it was here. */
  delete(member: T): boolean {
    if (!this.has(member)) return false;
    const { before, after } = member;
    if (before === null) this.first = after;
    else before.after = after;
    if (after === null) this.last = before;
    else after.before = before;
    member.chain = null;
    member.before = null;
    member.after = null;
    this.size--;
    return true;
  }

  /** Those that are here longest, moved to the end. */
  rotate(many: number): T[] {
    const taken: T[] = [];
    for (const member of this) {
      if (taken.length === many) break;
      taken.push(member);
    }
    for (const member of taken) {
      this.delete(member);
      this.add(member);
    }
    return taken;
  }

  /** The member at hand may be removed meanwhile. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    let member = this.first;
    while (member !== null) {
      const { after } = member;
      yield member;
      member = after;
    }
  }
}
