// Tasks without a row in a job that has ended: they were never started, and count as canceled with the job's error. A job of a
// million tasks that is canceled early has no million rows.
import { type JobId, type TaskView, taskIdOf } from '@udcs/protocol';
import { and, asc, eq, gt, inArray } from 'drizzle-orm';
import { job, piece, task } from '../schema.ts';
import type { ReadDatabase } from './database.ts';
import { type JobRow, taskViews } from './views.ts';

/** Rows looked at for one page; a page may be short when it finds little among them. */
const ROWS_LOOKED_AT = 5_000;

/** @returns the job when it has ended with canceled tasks, else null: then its rows are all there is */
export async function endedWithCanceled(db: ReadDatabase, id: string): Promise<Pick<JobRow, 'id' | 'total' | 'error' | 'endedAtMs'> | null> {
  const [row] = await db
    .select({ id: job.id, total: job.total, error: job.error, endedAtMs: job.endedAtMs, canceled: job.canceled })
    .from(job)
    .where(eq(job.id, id));
  return row === undefined || row.endedAtMs === null || row.canceled === 0 ? null : row;
}

/** Tasks by index from behind `after`, with and without rows; `onlyCanceled` leaves the others out. */
export async function listWithUnstarted(
  db: ReadDatabase,
  ended: Pick<JobRow, 'id' | 'total' | 'error' | 'endedAtMs'>,
  { after, limit, onlyCanceled }: { readonly after: number; readonly limit: number; readonly onlyCanceled: boolean },
): Promise<{ readonly items: TaskView[]; readonly nextCursor: string | null }> {
  const states = await db
    .select({ idx: task.idx, state: task.state })
    .from(task)
    .where(and(eq(task.job, ended.id), gt(task.idx, after)))
    .orderBy(asc(task.idx))
    .limit(ROWS_LOOKED_AT);
  const known = new Map(states.map((row) => [row.idx, row.state]));
  const end = states.length === ROWS_LOOKED_AT ? (states.at(-1)?.idx ?? 0) + 1 : ended.total;
  const wanted: number[] = [];
  let at = after + 1;
  for (; at < end && wanted.length < limit; at++) if (!onlyCanceled || (known.get(at) ?? 'canceled') === 'canceled') wanted.push(at);
  const rows = await db
    .select()
    .from(task)
    .where(and(eq(task.job, ended.id), inArray(task.idx, wanted)));
  const views = new Map((await taskViews(db, rows)).map((view) => [view.index, view]));
  const keys = await db
    .select({ idx: piece.idx, key: piece.key })
    .from(piece)
    .where(and(eq(piece.job, ended.id), inArray(piece.idx, wanted)));
  const keyOf = new Map(keys.map((row) => [row.idx, row.key]));
  const items = wanted.map((index) => views.get(index) ?? unstarted(ended, index, keyOf.get(index) ?? String(index)));
  return { items, nextCursor: at < ended.total ? String(at - 1) : null };
}

const unstarted = (ended: Pick<JobRow, 'id' | 'error' | 'endedAtMs'>, index: number, key: string): TaskView => ({
  id: taskIdOf(ended.id as JobId, key),
  key,
  index,
  state: 'canceled',
  attempts: 0,
  worker: null,
  outputs: {},
  exitCode: null,
  log: null,
  error: ended.error,
  endedAtMs: ended.endedAtMs,
});
