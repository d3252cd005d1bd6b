// The job list, live: changes folded into a map, and the fresher of what was listed and what was told.
import type { JobView, ProcedureOutput } from '@udcs/protocol';

type Jobs = ReadonlyMap<string, JobView>;

const KEPT = 1_000;

/** The jobs after one more change; a view never goes back to an older `seq`. Bounded: the oldest fall out. */
function fold(before: Jobs, change: ProcedureOutput<'jobs.changes'>): Jobs {
  const after = new Map(before);
  for (const job of change.jobs) if ((after.get(job.id)?.seq ?? -1) <= job.seq) after.set(job.id, job);
  for (const id of after.keys()) {
    if (after.size <= KEPT) break;
    after.delete(id);
  }
  return after;
}

export const jobChanges = { initial: new Map<string, JobView>() as Jobs, fold };

/** The fresher of both for every job, newest first. */
export function freshest(listed: readonly JobView[], changed: Jobs): JobView[] {
  const all = new Map(listed.map((job) => [job.id, job]));
  for (const [id, job] of changed) if ((all.get(id)?.seq ?? -1) <= job.seq) all.set(id, job);
  return [...all.values()].sort((a, b) => b.submittedAtMs - a.submittedAtMs);
}
