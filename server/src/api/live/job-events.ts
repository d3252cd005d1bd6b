// The events of one job, without gap or duplicate from any cursor: it listens first, then reads the store page by page, then
// takes what was heard meanwhile, skipping what it has told already. A subscriber that falls behind is sent back to the pages,
// so memory stays bounded. It ends when the job has ended and everything was told.
import { type TrackedEnvelope, tracked } from '@trpc/server';
import { type JobEvent, type JobId, type JobView, type TaskView, UdcsError } from '@udcs/protocol';
import type { Grid, OwnerFilter, Reads } from '../ports.ts';
import { createMailbox, type Mailbox } from './mailbox.ts';

export interface JobEventsRequest {
  readonly id: JobId;
  readonly owner: OwnerFilter;
  /** Every durable change up to here was seen. */
  readonly afterSeq: number;
  /** Also progress and log lines. */
  readonly live: boolean;
  readonly signal: AbortSignal;
}

export interface JobEventsSources {
  readonly grid: Pick<Grid, 'onJob' | 'recentLog'>;
  readonly reads: Pick<Reads, 'job' | 'settledAfter'>;
}

type Told = TrackedEnvelope<JobEvent> | JobEvent;

const PAGE_TASKS = 500;
const BACKLOG_BYTES = 8 * 1024 * 1024;
/** Job counters change with every commit; they are told at most this often. */
const JOB_EVENT_MS = 250;

/**
 * `seq` of every durable event, and the tracked id, is a cursor that is safe to resume from once the event was handled.
 * @throws UdcsError NOT_FOUND
 */
export async function* jobEvents(sources: JobEventsSources, request: JobEventsRequest): AsyncGenerator<Told> {
  const mailbox = createMailbox<JobEvent>(request.signal, BACKLOG_BYTES);
  const stop = sources.grid.onJob(request.id, (event) => {
    if (request.live || event.type === 'job' || event.type === 'tasks') mailbox.put(event, weightOf(event));
  });
  try {
    yield* tell(sources, request, mailbox);
  } finally {
    stop();
  }
}

async function* tell({ grid, reads }: JobEventsSources, request: JobEventsRequest, mailbox: Mailbox<JobEvent>): AsyncGenerator<Told> {
  const view = async (): Promise<JobView> => {
    const job = await reads.job(request.owner, request.id);
    if (job === null) throw new UdcsError('NOT_FOUND', `there is no job ${request.id}, or it is not yours`);
    return job;
  };
  let cursor = request.afterSeq;
  /** What is known of the job, and when it was last told; an ended job is told again after its tasks, as the last word. */
  let job = await view();
  yield jobEvent(job, cursor);
  let toldAtMs = performance.now();
  let untold = false;
  let behind = true;
  if (request.live) {
    const lines = grid.recentLog(request.id);
    if (lines.length > 0) yield { type: 'log', lines };
  }
  while (!request.signal.aborted) {
    if (behind) {
      job = await view(); // before the pages: of an ended job they are then complete
      for (let more = true; more && !request.signal.aborted; ) {
        const page = await reads.settledAfter(request.id, cursor, PAGE_TASKS);
        cursor = Math.max(cursor, page.seq);
        if (page.tasks.length > 0) yield tasksEvent(page.tasks, cursor);
        more = page.more;
      }
      if (request.signal.aborted) return; // before the last word: not everything was told
      behind = false;
      untold = true;
    }
    if (job.endedAtMs !== null) {
      yield jobEvent(job, Math.max(cursor, job.seq));
      return;
    }
    const dueMs = JOB_EVENT_MS - (performance.now() - toldAtMs);
    if (untold && dueMs <= 0) {
      yield jobEvent(job, cursor);
      untold = false;
      toldAtMs = performance.now();
    }
    const heard = await mailbox.take(untold ? Math.max(1, dueMs) : undefined);
    behind = heard.overflowed;
    const news = sift(heard.items, cursor);
    cursor = news.cursor;
    if (news.tasks.length > 0) yield tasksEvent(news.tasks, cursor);
    yield* news.live;
    if (news.job !== null && news.job.seq >= job.seq) {
      job = news.job;
      untold = true;
    }
  }
}

/** What was heard and not told yet, in order of seq. */
function sift(items: readonly JobEvent[], cursor: number): { tasks: TaskView[]; live: JobEvent[]; job: JobView | null; cursor: number } {
  const tasks: TaskView[] = [];
  const live: JobEvent[] = [];
  let job: JobView | null = null;
  let last = cursor;
  for (const event of items) {
    if (event.type === 'job') {
      job = event.job;
    } else if (event.type !== 'tasks') {
      live.push(event);
    } else if (event.seq > last) {
      for (const task of event.tasks) tasks.push(task);
      last = event.seq;
    }
  }
  return { tasks, live, job, cursor: last };
}

const jobEvent = (job: JobView, cursor: number) => tracked(String(cursor), { type: 'job', seq: cursor, job } satisfies JobEvent);
const tasksEvent = (tasks: TaskView[], cursor: number) => tracked(String(cursor), { type: 'tasks', seq: cursor, tasks } satisfies JobEvent);

/** Roughly what an event keeps in memory: inline outputs dominate. */
function weightOf(event: JobEvent): number {
  if (event.type !== 'tasks') return 2_000;
  let bytes = 200;
  for (const task of event.tasks) {
    bytes += 600;
    for (const output of Object.values(task.outputs)) bytes += 150 + (output.inline?.length ?? 0);
    if (task.value !== undefined) bytes += 1_000;
  }
  return bytes;
}
