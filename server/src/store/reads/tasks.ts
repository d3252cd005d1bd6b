// Reads about the tasks and attempts of one job. The API has checked that the caller may see the job.
import { type AttemptView, type BlobRef, splitTaskId, type TaskId, type TaskState, type TaskView } from '@udcs/protocol';
import { and, asc, eq, gt, inArray, isNotNull, sql } from 'drizzle-orm';
import type { AttemptRecord } from '../../core/seam.ts';
import { attempt, job, piece, task } from '../schema.ts';
import type { ReadDatabase } from './database.ts';
import type { Page } from './jobs.ts';
import { endedWithCanceled, listWithUnstarted } from './unstarted.ts';
import { type AttemptRow, attemptViews, inlineFiller, recordOf, taskViews } from './views.ts';

interface PageInput {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Tasks that have ended, by index; in an ended job also those that were never started. */
export async function listTasks(
  db: ReadDatabase,
  input: PageInput & { readonly job: string; readonly state?: TaskState | undefined },
): Promise<Page<TaskView>> {
  const { state, cursor, limit } = input;
  if (state !== undefined && state !== 'succeeded' && state !== 'failed' && state !== 'canceled') return { items: [], nextCursor: null };
  const ended = state === undefined || state === 'canceled' ? await endedWithCanceled(db, input.job) : null;
  if (ended !== null) return listWithUnstarted(db, ended, { after: Number(cursor ?? -1), limit, onlyCanceled: state === 'canceled' });
  const rows = await db
    .select()
    .from(task)
    .where(
      and(eq(task.job, input.job), state === undefined ? undefined : eq(task.state, state), cursor === undefined ? undefined : gt(task.idx, Number(cursor))),
    )
    .orderBy(asc(task.idx))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  return { items: await taskViews(db, page), nextCursor: rows.length > limit ? String(page.at(-1)?.idx) : null };
}

export async function getTasks(db: ReadDatabase, input: { readonly job: string; readonly indexes: readonly number[] }): Promise<TaskView[]> {
  return taskViews(
    db,
    await db
      .select()
      .from(task)
      .where(and(eq(task.job, input.job), inArray(task.idx, [...input.indexes])))
      .orderBy(asc(task.idx)),
  );
}

/** Tasks settled after a cursor, oldest first; `nextSeq` is the cursor of the next call, null = there are no more now. Never splits one seq. */
export async function getSettledAfter(
  db: ReadDatabase,
  input: { readonly job: string; readonly afterSeq: number; readonly limit: number },
): Promise<{ readonly tasks: TaskView[]; readonly seq: number; readonly nextSeq: number | null }> {
  const after = and(eq(task.job, input.job), gt(task.seq, input.afterSeq));
  const rows = await db
    .select()
    .from(task)
    .where(after)
    .orderBy(asc(task.seq))
    .limit(input.limit + 1);
  let page = rows;
  if (rows.length > input.limit) {
    const lastSeq = rows[input.limit]?.seq ?? 0;
    page = rows.filter((row) => row.seq < lastSeq);
    if (page.length === 0)
      page = await db
        .select()
        .from(task)
        .where(and(eq(task.job, input.job), eq(task.seq, lastSeq)))
        .orderBy(asc(task.idx));
  }
  const seq = page.at(-1)?.seq ?? input.afterSeq;
  return { tasks: await taskViews(db, page), seq, nextSeq: rows.length > input.limit ? seq : null };
}

/** The named output of a task that succeeded, with its owner; inline bytes included when they are kept inline. */
export async function getOutput(
  db: ReadDatabase,
  input: { readonly job: string; readonly index: number; readonly output: string },
): Promise<{ readonly owner: string; readonly blob: BlobRef } | null> {
  const rows = await db
    .select({ outputs: task.outputs, state: task.state, owner: job.owner })
    .from(task)
    .innerJoin(job, eq(job.id, task.job))
    .where(and(eq(task.job, input.job), eq(task.idx, input.index)));
  const row = rows[0];
  const blob = row?.state === 'succeeded' && Object.hasOwn(row.outputs ?? {}, input.output) ? row.outputs?.[input.output] : undefined;
  if (row === undefined || blob === undefined) return null;
  return { owner: row.owner, blob: (await inlineFiller(db, [blob]))(blob) };
}

/** Attempts of one task in the order they were made, or of a whole job: first those that did not settle their task, then the others. */
export async function listAttempts(
  db: ReadDatabase,
  input: PageInput & { readonly job: string; readonly task?: TaskId | undefined },
): Promise<Page<AttemptView>> {
  if (input.task !== undefined) return { items: await attemptsOfTask(db, input.job, splitTaskId(input.task).key), nextCursor: null };
  const { cursor, limit } = input;
  if (cursor?.startsWith('t') !== true) {
    const after = cursor === undefined ? undefined : afterAttempt(cursor);
    const rows = await db
      .select()
      .from(attempt)
      .where(and(eq(attempt.job, input.job), after))
      .orderBy(asc(attempt.key), asc(attempt.epoch), asc(attempt.attempt))
      .limit(limit + 1);
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    if (rows.length > limit && last !== undefined) {
      return { items: await attemptViews(db, await withoutSettled(db, input.job, page)), nextCursor: `a${last.key}/${last.epoch}/${last.attempt}` };
    }
    if (page.length > 0) return { items: await attemptViews(db, await withoutSettled(db, input.job, page)), nextCursor: 't-1' };
  }
  const from = cursor?.startsWith('t') === true ? Number(cursor.slice(1)) : -1;
  const rows = await db
    .select({ idx: task.idx, by: task.by })
    .from(task)
    .where(and(eq(task.job, input.job), gt(task.idx, from), isNotNull(task.by)))
    .orderBy(asc(task.idx))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const records = page.flatMap((row) => (row.by === null ? [] : [row.by]));
  return { items: await attemptViews(db, records), nextCursor: rows.length > limit ? `t${page.at(-1)?.idx}` : null };
}

function afterAttempt(cursor: string) {
  const [key = '', epoch, number] = cursor.slice(1).split('/');
  return sql`(${attempt.key}, ${attempt.epoch}, ${attempt.attempt}) > (${key}, ${Number(epoch)}, ${Number(number)})`;
}

async function attemptsOfTask(db: ReadDatabase, jobId: string, key: string): Promise<AttemptView[]> {
  const rows = await db
    .select()
    .from(attempt)
    .where(and(eq(attempt.job, jobId), eq(attempt.key, key)));
  const winner = (await winnersOf(db, jobId, [key])).get(key);
  const records = [...rows.map(recordOf).filter((record) => !(winner !== undefined && record.endedAtMs === null)), ...(winner?.by ? [winner.by] : [])];
  return attemptViews(
    db,
    records.sort((a, b) => a.assignedAtMs - b.assignedAtMs || a.epoch - b.epoch || a.attempt - b.attempt),
  );
}

/** Journal rows of tasks that have settled since say nothing: the task row holds the attempt. */
async function withoutSettled(db: ReadDatabase, jobId: string, rows: readonly AttemptRow[]): Promise<AttemptRecord[]> {
  const open = rows.filter((row) => row.endedAtMs === null).map((row) => row.key);
  const settled = open.length === 0 ? new Map() : await winnersOf(db, jobId, open);
  return rows.filter((row) => row.endedAtMs !== null || !settled.has(row.key)).map(recordOf);
}

/** Settled tasks by key. A plain array's key is its index; a plan's keys are looked up. */
async function winnersOf(db: ReadDatabase, jobId: string, keys: readonly string[]): Promise<Map<string, { readonly by: AttemptRecord | null }>> {
  const named = await db
    .select({ key: piece.key, idx: piece.idx })
    .from(piece)
    .where(and(eq(piece.job, jobId), inArray(piece.key, [...keys])));
  const indexes = [...named.map((row) => row.idx), ...keys.filter((key) => /^\d+$/.test(key)).map(Number)];
  if (indexes.length === 0) return new Map();
  const rows = await db
    .select({ key: task.key, by: task.by })
    .from(task)
    .where(and(eq(task.job, jobId), inArray(task.idx, indexes)));
  return new Map(rows.filter((row) => keys.includes(row.key)).map((row) => [row.key, row]));
}
