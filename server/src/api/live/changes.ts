// The list subscriptions: jobs as they change, jobs as they end, workers as they change, the grid in figures. None keeps
// history. Those for screens coalesce: each event carries whole views and the next one repairs a missed one. The one for
// submitters (jobsEnded) tells every end once, with its commit; who was away asks for what it waits for.
import { type JobView, type Overview, UdcsError, type WorkerView } from '@udcs/protocol';
import type { Grid, OwnerFilter } from '../ports.ts';

const JOBS_EVERY_MS = 250;
const WORKERS_EVERY_MS = 500;
const OVERVIEW_EVERY_MS = 1_000;
const JOBS_PER_EVENT = 200;
/** Jobs that changed and were not told yet; past it the oldest are left out of this live view. */
const JOBS_KEPT = 2_000;

/** Job views of the owner's jobs as they change, at most four times a second, the newest view of each. */
export async function* jobChanges(grid: Pick<Grid, 'onJobs'>, owner: OwnerFilter, signal: AbortSignal): AsyncGenerator<{ jobs: JobView[] }> {
  const changed = new Map<string, JobView>();
  let wake: (() => void) | null = null;
  const onAbort = () => wake?.();
  signal.addEventListener('abort', onAbort);
  const stop = grid.onJobs((view) => {
    if (owner !== null && view.owner !== owner) return;
    changed.delete(view.id);
    changed.set(view.id, view);
    if (changed.size > JOBS_KEPT) changed.delete(changed.keys().next().value as string);
    wake?.();
  });
  try {
    while (!signal.aborted) {
      if (changed.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = null;
        continue;
      }
      const jobs = [...changed.values()].slice(0, JOBS_PER_EVENT);
      for (const job of jobs) changed.delete(job.id);
      yield { jobs };
      await pause(JOBS_EVERY_MS, signal);
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}

const ENDS_PER_EVENT = 1_000;
/** Ends that a reader may leave lying; past it the subscription fails and the reader asks for what it waits for. */
const ENDS_KEPT = 50_000;

/** Jobs of the owner as they end, one event per commit; first an empty one, which says that it listens. */
export async function* jobsEnded(grid: Pick<Grid, 'onJobs'>, owner: OwnerFilter, signal: AbortSignal): AsyncGenerator<{ jobs: JobView[] }> {
  const jobs: JobView[] = [];
  let lost = false;
  let wake: (() => void) | null = null;
  const onAbort = () => wake?.();
  signal.addEventListener('abort', onAbort);
  const stop = grid.onJobs((view) => {
    if (view.endedAtMs === null || (owner !== null && view.owner !== owner)) return;
    if (jobs.length < ENDS_KEPT) jobs.push(view);
    else lost = true;
    wake?.();
  });
  try {
    yield { jobs: [] };
    while (!signal.aborted) {
      if (lost) throw new UdcsError('OVERLOADED', 'ended jobs were not read fast enough', { hint: 'subscribe again and ask for those you wait for' });
      if (jobs.length > 0) {
        const told = jobs.splice(0, ENDS_PER_EVENT);
        yield { jobs: told };
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = null;
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}

/** First all connected workers, then those that changed and the ids of those that left. */
export async function* workerChanges(
  grid: Pick<Grid, 'workers'>,
  mayShow: (worker: WorkerView) => boolean,
  signal: AbortSignal,
): AsyncGenerator<{ workers: WorkerView[]; gone: WorkerView['id'][] }> {
  const told = new Map<string, string>();
  let first = true;
  while (!signal.aborted) {
    const workers: WorkerView[] = [];
    const present = new Set<string>();
    for (const worker of grid.workers()) {
      if (!mayShow(worker)) continue;
      present.add(worker.id);
      const fingerprint = JSON.stringify(worker);
      if (told.get(worker.id) === fingerprint) continue;
      told.set(worker.id, fingerprint);
      workers.push(worker);
    }
    const gone = [...told.keys()].filter((id) => !present.has(id));
    for (const id of gone) told.delete(id);
    if (first || workers.length > 0 || gone.length > 0) yield { workers, gone };
    first = false;
    await pause(WORKERS_EVERY_MS, signal);
  }
}

export async function* overviewChanges(grid: Pick<Grid, 'overview'>, signal: AbortSignal): AsyncGenerator<Overview> {
  while (!signal.aborted) {
    yield grid.overview();
    await pause(OVERVIEW_EVERY_MS, signal);
  }
}

/** Waits, or returns early when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
