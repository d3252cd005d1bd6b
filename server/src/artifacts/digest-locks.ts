// Keeps the collector and uploads of one digest apart: any number of uploads, or one removal.
export class DigestLocks {
  readonly #held = new Map<string, number>();
  readonly #removing = new Map<string, Promise<void>>();

  /** An upload: waits for a removal under way. @returns the call that ends it */
  async hold(digest: string): Promise<() => void> {
    for (let removal = this.#removing.get(digest); removal !== undefined; removal = this.#removing.get(digest)) await removal;
    this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(digest) ?? 1) - 1;
      if (left > 0) this.#held.set(digest, left);
      else this.#held.delete(digest);
    };
  }

  /** Runs `work` unless an upload of the digest is under way. @returns whether it ran */
  async remove(digest: string, work: () => Promise<void>): Promise<boolean> {
    if (this.#held.has(digest) || this.#removing.has(digest)) return false;
    const removal = work().finally(() => this.#removing.delete(digest));
    this.#removing.set(
      digest,
      removal.catch(() => undefined),
    );
    await removal;
    return true;
  }
}
