// Every attempt this worker holds, from the offer to the acknowledgement, and what is left of the machine's room. Pure
// book-keeping: it sends nothing and starts nothing.
import { type AttemptRef, type Capabilities, type Grant, type Hello, limits } from '@udcs/protocol';
import type { Prepared } from './inputs.ts';
import type { Offer } from './offer.ts';
import { attemptName } from './transfer.ts';
import type { Execution, Outcome } from './workbench.ts';

export interface Attempt {
  readonly offer: Offer;
  state: 'queued' | 'running' | 'finished';
  /** Inputs on their way; started when the offer came. */
  readonly prepared: Promise<Prepared>;
  execution: Execution | null;
  startedAtMs: number;
  startedSaid: boolean;
  /** Why it was stopped; `released` follows its end. */
  stopped: 'canceled' | 'forgotten' | null;
  outcome: Exclude<Outcome, { kind: 'killed' }> | null;
}

/** Grants that fit into a hello. */
const GRANTS_MAX = 256;
/** Leaves room for the rest of the hello in its frame. */
const HELD_BYTES = limits.controlFrameBytes / 2;

export class AttemptBook {
  readonly #attempts = new Map<string, Attempt>();
  readonly #queue = new Set<Attempt>();
  #running = 0;
  readonly #used = { cpus: 0, memoryBytes: 0, diskBytes: 0, gpus: 0 };

  get size(): number {
    return this.#attempts.size;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queue.size;
  }

  all(): IterableIterator<Attempt> {
    return this.#attempts.values();
  }

  find(ref: AttemptRef): Attempt | undefined {
    return this.#attempts.get(attemptName(ref));
  }

  add(offer: Offer, prepared: Promise<Prepared>): Attempt {
    const attempt: Attempt = { offer, prepared, state: 'queued', execution: null, startedAtMs: 0, startedSaid: false, stopped: null, outcome: null };
    this.#attempts.set(offer.name, attempt);
    this.#queue.add(attempt);
    return attempt;
  }

  /** The first queued attempt that fits into what is free now, marked running; null when none does. */
  takeNext(pools: Capabilities['pools'], gpus: number): Attempt | null {
    if (this.#running >= pools.slots) return null;
    for (const attempt of this.#queue) {
      if (!this.#fits(attempt, pools, gpus)) continue;
      this.#queue.delete(attempt);
      attempt.state = 'running';
      this.#running += 1;
      this.#book(attempt, 1);
      return attempt;
    }
    return null;
  }

  /** Its slot and room are free again. */
  finish(attempt: Attempt, outcome: Attempt['outcome']): void {
    if (attempt.state !== 'running') return;
    attempt.state = 'finished';
    attempt.outcome = outcome;
    attempt.execution = null;
    this.#running -= 1;
    this.#book(attempt, -1);
  }

  remove(attempt: Attempt): void {
    if (attempt.state === 'running') this.finish(attempt, null);
    this.#queue.delete(attempt);
    this.#attempts.delete(attempt.offer.name);
  }

  /** What a hello says of all this, as much as fits; the second list is what did not and must be given up. */
  holding(): { holding: Hello['holding']; grants: Grant[]; overflow: Attempt[] } {
    const grants = new Set<Grant>();
    const holding: Hello['holding'] = [];
    const overflow: Attempt[] = [];
    let bytes = 0;
    const order = { finished: 0, running: 1, queued: 2 } as const;
    for (const attempt of [...this.#attempts.values()].sort((a, b) => order[a.state] - order[b.state])) {
      if (attempt.stopped !== null) continue;
      const { grant, ref } = attempt.offer;
      const more = grants.has(grant) ? 150 : 150 + grant.attempts.length * 130;
      if (holding.length >= limits.recordsPerFrame || bytes + more > HELD_BYTES || (!grants.has(grant) && grants.size >= GRANTS_MAX)) {
        overflow.push(attempt);
        continue;
      }
      bytes += more;
      grants.add(grant);
      holding.push({ ...ref, state: attempt.state === 'queued' ? 'offered' : attempt.state });
    }
    return { holding, grants: [...grants], overflow };
  }

  #fits(attempt: Attempt, pools: Capabilities['pools'], gpus: number): boolean {
    const { resources } = attempt.offer.job;
    const used = this.#used;
    return (
      used.cpus + resources.cpus <= pools.cpus + 1e-9 &&
      used.memoryBytes + resources.memoryBytes <= pools.memoryBytes &&
      used.diskBytes + resources.diskBytes <= pools.diskBytes &&
      used.gpus + resources.gpus <= gpus
    );
  }

  #book(attempt: Attempt, sign: 1 | -1): void {
    const { resources } = attempt.offer.job;
    const used = this.#used;
    used.cpus += sign * resources.cpus;
    used.memoryBytes += sign * resources.memoryBytes;
    used.diskBytes += sign * resources.diskBytes;
    used.gpus += sign * resources.gpus;
  }
}
