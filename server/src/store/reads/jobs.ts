// Reads about jobs: lists, one job, and what the API needs to submit it again. `owner: null` sees every owner's.
import type { JobSpec, JobState, JobView } from '@udcs/protocol';
import { and, desc, eq, getTableColumns, inArray, isNotNull, isNull, lt, sql } from 'drizzle-orm';
import { job } from '../schema.ts';
import type { ReadDatabase } from './database.ts';
import { jobView } from './views.ts';

export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

const { spec: _spec, planState: _planState, ...listed } = getTableColumns(job);
const isOpenState = (state: JobState): boolean => state === 'queued' || state === 'running';

interface JobListInput {
  readonly owner: string | null;
  readonly state?: JobState | undefined;
  /** Part of the name, or an id. */
  readonly search?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Newest first: ids rise with time. */
export async function listJobs(db: ReadDatabase, input: JobListInput): Promise<Page<JobView>> {
  const { owner, state, search, cursor, limit } = input;
  const rows = await db
    .select(listed)
    .from(job)
    .where(
      and(
        owner === null ? undefined : eq(job.owner, owner),
        state === undefined ? undefined : and(eq(job.state, state), isOpenState(state) ? isNull(job.endedAtMs) : isNotNull(job.endedAtMs)),
        search === undefined || search === '' ? undefined : sql`(${job.id} = ${search} or instr(lower(${job.name}), lower(${search})) > 0)`,
        cursor === undefined ? undefined : lt(job.id, cursor),
      ),
    )
    .orderBy(desc(job.id))
    .limit(limit + 1);
  const items = rows.slice(0, limit).map((row) => jobView({ ...row, planState: null }));
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** In the order of the ids; unknown ones are left out. */
export async function getJobs(db: ReadDatabase, input: { readonly owner: string | null; readonly ids: readonly string[] }): Promise<JobView[]> {
  const rows = await db
    .select(listed)
    .from(job)
    .where(and(inArray(job.id, [...input.ids]), input.owner === null ? undefined : eq(job.owner, input.owner)));
  const byId = new Map(rows.map((row) => [row.id, jobView({ ...row, planState: null })]));
  return input.ids.flatMap((id) => byId.get(id) ?? []);
}

export async function getJob(db: ReadDatabase, input: { readonly owner: string | null; readonly id: string }): Promise<JobView | null> {
  return (await getJobs(db, { owner: input.owner, ids: [input.id] }))[0] ?? null;
}

export async function getJobSpec(
  db: ReadDatabase,
  input: { readonly owner: string | null; readonly id: string },
): Promise<{ readonly owner: string; readonly spec: JobSpec } | null> {
  const rows = await db
    .select({ owner: job.owner, spec: job.spec })
    .from(job)
    .where(and(eq(job.id, input.id), input.owner === null ? undefined : eq(job.owner, input.owner)));
  return rows[0] ?? null;
}
