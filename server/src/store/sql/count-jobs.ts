// Moves a job's counters, once per job and group. The guard compares the step with the task rows written since the last one: when
// a settlement was refused, counters that include it are refused too.
// Row: [job, seq, total, succeeded, failed, canceled, repeated, startedAtMs, endedAtMs, error]
export const countJobs = (f: string): string => `${f}
update job set seq = f.c1, total = f.c2, succeeded = f.c3, failed = f.c4, canceled = f.c5,
  repeated = f.c6, started_at_ms = coalesce(started_at_ms, f.c7), ended_at_ms = f.c8, error = f.c9
from f
where job.id = f.c0 and job.ended_at_ms is null and f.c1 > job.seq
  and f.c3 + f.c4 - job.succeeded - job.failed
    = (select count(*) from task t where t.job = job.id and t.seq > job.seq and t.state <> 'canceled')`;

/** Of the same rows: jobs that do not stand as given. */
export const uncountedJobs = `
select f.value->>0 as job from json_each(?) f left join job on job.id = f.value->>0
where job.id is null or job.seq <> f.value->>1 or job.succeeded <> f.value->>3 or job.failed <> f.value->>4 or job.canceled <> f.value->>5`;
