// Waits for the end of many jobs with one subscription (jobs.changes) instead of one per job. It only learns how jobs
// ended; their results are read where they are asked for.
import type { JobId, JobView } from '@udcs/protocol';
import { isPassing } from './errors.ts';
import type { Transport } from './transport.ts';
import { backoffMs, sleep } from './waiting.ts';

interface Waiting {
  readonly resolve: (job: JobView) => void;
  readonly reject: (error: unknown) => void;
}

/** Jobs of which nothing was heard this long are asked for by id. */
const RECHECK_MS = 30_000;

export class SettleWatch {
  readonly #transport: Transport;
  readonly #waiting = new Map<string, Waiting[]>();
  #running: Promise<void> | null = null;
  #stop: AbortController | null = null;
  #started: Promise<void> = Promise.resolve();
  /** Whether no end can be missed from now on. */
  listening = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Starts listening; what ends after this resolves is not missed. */
  async listen(): Promise<void> {
    if (this.#running === null) {
      const stop = new AbortController();
      this.#stop = stop;
      this.#started = new Promise((resolve, reject) => {
        this.#running = this.#run(stop.signal, resolve).catch((error) => {
          this.#running = null;
          this.listening = false;
          reject(error);
          this.#failAll(error);
        });
      });
      this.#started.catch(() => undefined);
    }
    await this.#started;
  }

  /** The job as it ended. */
  ended(id: JobId): Promise<JobView> {
    return new Promise((resolve, reject) => {
      const others = this.#waiting.get(id);
      if (others === undefined) this.#waiting.set(id, [{ resolve, reject }]);
      else others.push({ resolve, reject });
    });
  }

  /** Asks for one job by id, for those that were submitted before the watch began. */
  recheck(id: JobId): void {
    this.#transport.call('jobs.get', { id }).then(
      (job) => this.#learn(job),
      (error) => this.#fail(id, error),
    );
  }

  close(): void {
    this.#stop?.abort(new Error('closed'));
  }

  async #run(signal: AbortSignal, onStarted: () => void): Promise<void> {
    const timer = setInterval(() => this.#recheckAll(), RECHECK_MS);
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          const changes = this.#transport.subscribe('jobs.changes', {}, { signal, onStarted: () => this.#onStarted(onStarted) });
          for await (const { jobs } of changes) {
            attempt = 0;
            for (const job of jobs) this.#learn(job);
          }
        } catch (error) {
          if (signal.aborted || this.#transport.closed || !isPassing(error) || error.code === 'UNREACHABLE') throw error;
        }
        await sleep(backoffMs(attempt), signal);
      }
    } finally {
      clearInterval(timer);
    }
  }

  #onStarted(onStarted: () => void): void {
    onStarted();
    this.listening = true;
    this.#recheckAll();
  }

  #recheckAll(): void {
    for (const id of this.#waiting.keys()) this.recheck(id as JobId);
  }

  #learn(job: JobView): void {
    if (job.endedAtMs === null) return;
    const waiting = this.#waiting.get(job.id);
    if (waiting === undefined) return;
    this.#waiting.delete(job.id);
    for (const { resolve } of waiting) resolve(job);
  }

  #fail(id: JobId, error: unknown): void {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const { reject } of waiting) reject(error);
  }

  #failAll(error: unknown): void {
    const all = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const { reject } of all) reject(error);
  }
}
