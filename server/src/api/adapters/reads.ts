// The store's reads with the live side put in: counters of jobs that run, tasks and attempts that have not ended, workers that
// are connected. Lists keep one order across both.
import { type JobId, type JobView, limits, type WorkerView } from '@udcs/protocol';
import * as core from '../../core/index.ts';
import type { Coordinator } from '../../shell/index.ts';
import type { StoreReader } from '../../store/reader.ts';
import type { OwnerFilter, PageOf, PageQuery, Reads } from '../ports.ts';
import { runningNow, workerViewOf } from './grid.ts';

const DEFAULT_PAGE = 100;

const limitOf = (query: PageQuery): number => query.limit ?? DEFAULT_PAGE;

export function readsOf(reader: StoreReader, coordinator: Coordinator): Reads {
  const live = (view: JobView): JobView => (view.endedAtMs === null ? (coordinator.publishing.jobView(view.id as JobId) ?? view) : view);
  const job: Reads['job'] = async (owner, id) => {
    const running = coordinator.publishing.jobView(id);
    if (running !== null) return owner === null || running.owner === owner ? running : null;
    return reader.getJob({ owner, id });
  };
  return {
    job,
    async jobsById(owner, ids) {
      const found = new Map<string, JobView>();
      for (const id of ids) {
        const running = coordinator.publishing.jobView(id);
        if (running !== null && (owner === null || running.owner === owner)) found.set(id, running);
      }
      const rest = ids.filter((id) => !found.has(id));
      if (rest.length > 0) for (const view of await reader.getJobs({ owner, ids: rest })) found.set(view.id, view);
      return ids.flatMap((id) => found.get(id) ?? []);
    },
    async jobSpec(owner, id) {
      const [view, found] = await Promise.all([job(owner, id), reader.getJobSpec({ owner, id })]);
      return view === null || found === null ? null : { spec: found.spec, view };
    },
    async jobs(owner, query) {
      const page = await reader.listJobs({ owner, state: query.state, search: query.search, cursor: query.cursor, limit: limitOf(query) });
      return { ...page, items: page.items.map(live) };
    },
    async tasks(id, query) {
      if (query.state === 'active') return { items: runningNow(coordinator, id).tasks.slice(0, limitOf(query)), nextCursor: null };
      return reader.listTasks({ job: id, state: query.state, cursor: query.cursor, limit: limitOf(query) });
    },
    async settledAfter(id, afterSeq, limit) {
      const { tasks, seq, nextSeq } = await reader.getSettledAfter({ job: id, afterSeq, limit });
      return { tasks: [...tasks], seq, more: nextSeq !== null };
    },
    async attempts(id, query) {
      const page = await reader.listAttempts({ job: id, task: query.task, cursor: query.cursor, limit: limitOf(query) });
      if (query.cursor !== undefined) return page;
      const running = runningNow(coordinator, id).attempts.filter((attempt) => query.task === undefined || attempt.task === query.task);
      const key = (attempt: { task: string; epoch: number; attempt: number }) => `${attempt.task}/${attempt.epoch}/${attempt.attempt}`;
      const shown = new Set(running.map(key));
      return { ...page, items: [...running, ...page.items.filter((attempt) => !shown.has(key(attempt)))] };
    },
    workers: (owner, query) => listWorkers(reader, coordinator, owner, query),
    async worker(owner, id) {
      const status = coordinator.read((fleet) => core.oneWorkerStatus(fleet, id));
      const view = status === null ? (await reader.getWorkers({ ids: [id] }))[0] : workerViewOf(status);
      return view === undefined || !isOwn(view, owner) ? null : view;
    },
  };
}

const isOwn = (worker: WorkerView, owner: OwnerFilter): boolean => owner === null || worker.owner === owner;

/** Connected workers first, by id; then those that left, last seen first. The cursor says in which of the two it stands. */
async function listWorkers(
  reader: StoreReader,
  coordinator: Coordinator,
  owner: OwnerFilter,
  query: Parameters<Reads['workers']>[1],
): Promise<PageOf<WorkerView>> {
  const limit = Math.min(limitOf(query), limits.pageSize);
  const connected = coordinator.read(core.workerStatus).map(workerViewOf);
  const wanted = (worker: WorkerView) => isOwn(worker, owner) && (query.state === undefined || worker.state === query.state);
  if (query.cursor === undefined || query.cursor.startsWith('connected:')) {
    const after = query.cursor?.slice('connected:'.length) ?? '';
    const rest = connected.filter((worker) => worker.id > after && wanted(worker)).sort((a, b) => (a.id < b.id ? -1 : 1));
    const items = rest.slice(0, limit);
    if (rest.length > limit) return { items, nextCursor: `connected:${items.at(-1)?.id}` };
    if (query.state !== undefined && query.state !== 'gone') return { items, nextCursor: null };
    if (items.length > 0) return { items, nextCursor: 'left:' };
  }
  const cursor = query.cursor?.slice('left:'.length) ?? '';
  const page = await reader.listWorkers({ cursor: cursor === '' ? undefined : cursor, limit });
  const here = new Set(connected.map((worker) => worker.id));
  return {
    items: page.items.filter((worker) => !here.has(worker.id) && wanted(worker)),
    nextCursor: page.nextCursor === null ? null : `left:${page.nextCursor}`,
  };
}
