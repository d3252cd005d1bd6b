// Moves a job's counters, once per job and group. The guard compares the step with the task rows written since the last one: when
// a settlement was refused, counters that include it are refused too.
// Row: [job, seq, total, succeeded, failed, canceled, repeated, startedAtMs, endedAtMs, error]
export const countJobs = `
update job set seq = f.value->>1, total = f.value->>2, succeeded = f.value->>3, failed = f.value->>4, canceled = f.value->>5,
  repeated = f.value->>6, started_at_ms = coalesce(started_at_ms, f.value->>7), ended_at_ms = f.value->>8, error = nullif(f.value->9, 'null')
from json_each(?) f
where job.id = f.value->>0 and job.ended_at_ms is null and f.value->>1 > job.seq
  and (f.value->>3) + (f.value->>4) - job.succeeded - job.failed
    = (select count(*) from task t where t.job = job.id and t.seq > job.seq and t.state <> 'canceled')`;

/** Of the same rows: jobs that do not stand as given. */
export const uncountedJobs = `
select f.value->>0 as job from json_each(?) f left join job on job.id = f.value->>0
where job.id is null or job.seq <> f.value->>1 or job.succeeded <> f.value->>3 or job.failed <> f.value->>4 or job.canceled <> f.value->>5`;
