// Waits for the end of many jobs over one subscription (jobs.ended) instead of one per job, and asks by id for those whose end
// it may have missed: after every (re)connect, and for jobs that were there before. It learns how jobs ended, nothing else.
import { type JobId, type JobView, limits, UdcsError } from '@udcs/protocol';
import { isPassing } from './errors.ts';
import type { Transport } from './transport.ts';
import { backoffMs, sleep } from './waiting.ts';

/** What a wait starts from: a submit on its way, or a job that was there before (`existing` is not false then). */
export interface Awaited {
  readonly id: JobId;
  readonly existing?: boolean;
}

interface Waiter {
  readonly resolve: (job: JobView) => void;
  readonly reject: (error: unknown) => void;
}

/** A watch that nobody needed for that long ends its subscription. */
const IDLE_MS = 5_000;
/** Every so many idle looks, all that is awaited is asked for: nothing should need it. */
const LOOKS_PER_RECHECK = 6;
/** Ends kept for submits whose answer has not come yet; past it, those are asked for. */
const EARLY_KEPT = 20_000;

export class SettleWatch {
  readonly #transport: Transport;
  readonly #waiting = new Map<string, Waiter[]>();
  #stop: AbortController | null = null;
  /** Which uninterrupted stretch of listening this is; 0 = not listening. */
  #stretch = 0;
  #stretches = 0;
  /** Submits on their way, and what ended meanwhile without being awaited by id. */
  #underWay = 0;
  readonly #early = new Map<string, JobView>();
  #earlyLost = false;
  #asking: Set<JobId> | null = null;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * The job as it ended.
   * @param fresh whether the submit has had no answer yet: then its end is still to be heard
   * @throws UdcsError, or the signal's reason
   */
  async ended(submitted: Promise<Awaited>, fresh: boolean, signal?: AbortSignal): Promise<JobView> {
    signal?.throwIfAborted();
    this.#listen();
    const stretch = this.#stretch;
    this.#underWay += 1;
    let job: Awaited;
    try {
      job = await submitted;
    } finally {
      this.#underWay -= 1;
      // Others of the same answer are served first.
      if (this.#underWay === 0) queueMicrotask(() => this.#forgetEarly());
    }
    const early = this.#early.get(job.id);
    if (early !== undefined) return early;
    this.#listen(); // it may have ended meanwhile, and then tells why
    const ending = this.#register(job.id, signal);
    // Not listening yet: the first event of the stretch that begins asks for all.
    const mayHaveMissed = !fresh || job.existing !== false || this.#earlyLost || stretch !== this.#stretch;
    if (mayHaveMissed && this.#stretch !== 0) this.#ask([job.id]);
    return ending;
  }

  close(): void {
    this.#end(new UdcsError('CANCELED', 'this connection was closed'));
  }

  #end(error: unknown): void {
    const stop = this.#stop;
    this.#stop = null;
    this.#stretch = 0;
    stop?.abort(error);
    for (const id of [...this.#waiting.keys()]) this.#fail(id, error);
  }

  #register(id: JobId, signal: AbortSignal | undefined): Promise<JobView> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject };
      const others = this.#waiting.get(id);
      if (others === undefined) this.#waiting.set(id, [waiter]);
      else others.push(waiter);
      if (signal === undefined) return;
      const onAbort = () => {
        const rest = (this.#waiting.get(id) ?? []).filter((one) => one !== waiter);
        if (rest.length > 0) this.#waiting.set(id, rest);
        else this.#waiting.delete(id);
        reject(signal.reason);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #listen(): void {
    if (this.#stop !== null) return;
    const stop = new AbortController();
    this.#stop = stop;
    const look = this.#lookAfter(stop);
    this.#follow(stop.signal)
      .catch((error: unknown) => {
        if (this.#stop === stop) this.#end(error);
      })
      .finally(() => clearInterval(look));
  }

  #lookAfter(stop: AbortController): ReturnType<typeof setInterval> {
    let looks = 0;
    let idle = 0;
    return setInterval(() => {
      idle = this.#waiting.size === 0 && this.#underWay === 0 ? idle + 1 : 0;
      if (idle > 1 && this.#stop === stop) return this.close();
      looks += 1;
      if (looks % LOOKS_PER_RECHECK === 0 && this.#stretch !== 0) this.#askAll();
    }, IDLE_MS);
  }

  /** Listens until `signal` is aborted. A stretch begins with every first event; tRPC reopens a lost socket by itself. */
  async #follow(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        for await (const { jobs } of this.#transport.subscribe('jobs.ended', {}, { signal })) {
          attempt = 0;
          if (jobs.length === 0) this.#begin();
          for (const job of jobs) this.#learn(job);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (this.#transport.closed || !isPassing(error) || error.code === 'UNREACHABLE') throw error;
      }
      await sleep(backoffMs(attempt), signal).catch(() => undefined);
    }
  }

  #begin(): void {
    this.#stretches += 1;
    this.#stretch = this.#stretches;
    this.#askAll();
  }

  #askAll(): void {
    this.#ask([...this.#waiting.keys()] as JobId[]);
  }

  /** Jobs asked for in one turn travel together. */
  #ask(ids: readonly JobId[]): void {
    if (ids.length === 0) return;
    if (this.#asking === null) {
      this.#asking = new Set();
      queueMicrotask(() => {
        const asked = [...(this.#asking ?? [])];
        this.#asking = null;
        for (let at = 0; at < asked.length; at += limits.pageSize) void this.#askPage(asked.slice(at, at + limits.pageSize));
      });
    }
    for (const id of ids) this.#asking.add(id);
  }

  async #askPage(ids: JobId[]): Promise<void> {
    try {
      const { jobs } = await this.#transport.call('jobs.getMany', { ids });
      const known = new Set(jobs.map((job) => job.id));
      for (const job of jobs) this.#learn(job);
      for (const id of ids) if (!known.has(id)) this.#fail(id, new UdcsError('NOT_FOUND', `there is no job ${id}, or it is not yours`));
    } catch (error) {
      for (const id of ids) this.#fail(id, error);
    }
  }

  #learn(job: JobView): void {
    if (job.endedAtMs === null) return;
    const waiters = this.#waiting.get(job.id);
    if (waiters !== undefined) {
      this.#waiting.delete(job.id);
      for (const { resolve } of waiters) resolve(job);
    } else if (this.#underWay > 0) {
      if (this.#early.size < EARLY_KEPT) this.#early.set(job.id, job);
      else this.#earlyLost = true;
    }
  }

  #forgetEarly(): void {
    if (this.#underWay > 0) return;
    this.#early.clear();
    this.#earlyLost = false;
  }

  #fail(id: string, error: unknown): void {
    const waiters = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const { reject } of waiters) reject(error);
  }
}
