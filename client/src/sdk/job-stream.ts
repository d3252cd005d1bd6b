// A job's events as one endless-looking stream: reopened after a lost connection or a restarted coordinator at the last
// `seq` it saw, and task results each exactly once, in completion order.
import type { JobEvent, JobId, JobView, TaskView } from '@udcs/protocol';
import { isPassing } from './errors.ts';
import type { Transport } from './transport.ts';
import { backoffMs, sleep } from './waiting.ts';

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  /** Cursor to go on from: only what settled after it. Default 0: everything. */
  readonly afterSeq?: number | undefined;
  /** Also progress and log lines. */
  readonly live?: boolean | undefined;
}

const hasEnded = (job: JobView): boolean => job.endedAtMs !== null;
const isTerminalTask = (task: TaskView): boolean => task.state === 'succeeded' || task.state === 'failed' || task.state === 'canceled';

/** Remembers which array positions were seen, one bit each. */
class SeenIndexes {
  #bits = new Uint8Array(64);

  /** Whether `index` is new. */
  add(index: number): boolean {
    const byte = index >>> 3;
    if (byte >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(byte + 1, this.#bits.length * 2));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    const mask = 1 << (index & 7);
    if (((this.#bits[byte] as number) & mask) !== 0) return false;
    this.#bits[byte] = (this.#bits[byte] as number) | mask;
    return true;
  }
}

/** Events of one job until it has ended and every settled task was told. Tasks are told once each, terminal ones only. */
export async function* jobEvents(transport: Transport, id: JobId, options: StreamOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
  const { signal, live } = options;
  const seen = new SeenIndexes();
  let cursor = options.afterSeq ?? 0;
  let attempt = 0;
  for (;;) {
    let last: JobView | null = null;
    try {
      const events = transport.subscribe('jobs.events', { id, afterSeq: cursor, ...(live === true ? { live } : {}) }, signal === undefined ? {} : { signal });
      for await (const event of events) {
        attempt = 0;
        if (event.type === 'tasks') {
          cursor = Math.max(cursor, event.seq);
          const tasks = event.tasks.filter((task) => isTerminalTask(task) && seen.add(task.index));
          if (tasks.length > 0) yield { ...event, tasks };
        } else {
          if (event.type === 'job') last = event.job;
          yield event;
        }
      }
    } catch (error) {
      if (signal?.aborted === true || transport.closed || !isPassing(error) || error.code === 'UNREACHABLE') throw error;
    }
    // The coordinator ended the stream: because the job ended, or because it drains and another start will go on.
    if (last !== null && hasEnded(last)) return;
    await sleep(backoffMs(attempt++), signal);
  }
}

/** Settled tasks by pages, in the order of their index. */
export async function* settledTasks(
  transport: Transport,
  id: JobId,
  options: { signal?: AbortSignal | undefined; state?: TaskView['state'] } = {},
): AsyncGenerator<TaskView, void, undefined> {
  const state = options.state === undefined ? {} : { state: options.state };
  let cursor: string | null = null;
  do {
    const page: { items: TaskView[]; nextCursor: string | null } = await transport.call(
      'jobs.tasks',
      { id, ...state, ...(cursor === null ? {} : { cursor }) },
      options.signal,
    );
    for (const task of page.items) if (isTerminalTask(task)) yield task;
    cursor = page.nextCursor;
  } while (cursor !== null);
}
