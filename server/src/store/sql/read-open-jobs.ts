// Everything a coordinator needs to go on with jobs that have not ended: at boot for all of them, after a refusal for some.
// `scope` is a subquery of job ids; it takes the parameter of the statement, if it has one.
export const allOpenJobs = 'select id from job where ended_at_ms is null';
export const givenOpenJobs = 'select job.id from json_each(?) f cross join job on job.id = f.value where job.ended_at_ms is null';

export const raiseEpoch = `insert into shard (id, epoch) values ('main', 1) on conflict (id) do update set epoch = epoch + 1 returning epoch`;

/** Jobs as JSON objects, 500 to a row: building a row of 13 columns in the binding costs ten times what parsing its JSON does. */
export const openJobs = (scope: string): string => `
select json_group_array(json(object)) as jobs from (
  select row_number() over (order by id) as n, json_object('id', id, 'owner', owner, 'spec', json(spec), 'submittedAtMs', submitted_at_ms,
    'startedAtMs', started_at_ms, 'canceledAtMs', canceled_at_ms, 'repeated', repeated, 'seq', seq, 'planState', json(plan_state),
    'planDone', plan_done, 'planWakeAtMs', plan_wake_at_ms, 'planSeq', plan_seq, 'upstream', json(upstream)) as object
  from job where id in (${scope}))
group by n / 500`;

export const taskCounts = (scope: string): string => `
select job, sum(state = 'succeeded') as succeeded, sum(state = 'failed') as failed, sum(state = 'canceled') as canceled, max(seq) as seq
from task where job in (${scope}) group by job`;

/** Indexes of ended tasks as inclusive ranges: neighbours share idx - row_number. */
export const settledRanges = (scope: string): string => `
select job, min(idx) as low, max(idx) as high
from (select job, idx, idx - row_number() over (partition by job order by idx) as run from task where job in (${scope}))
group by job, run order by job, low`;

/** `attempts` is the highest number given, not how many rows: offers that were taken back leave none, and a number is never given twice. */
/** `attempts` is the highest number that has ended: attempts that were taken back leave no row, and a number is never given twice. */
export const triedAttempts = (scope: string): string => `
select a.job, a.key, max(a.attempt) as attempts, sum(a.state = 'failed') as failures, sum(a.state = 'lost') as lost, max(a.seq) as seq,
  json_group_array(distinct coalesce(a.host, w.host)) filter (where a.state in ('failed', 'lost') and coalesce(a.host, w.host) is not null) as hosts
from attempt a left join worker w on w.id = a.worker
where a.ended_at_ms is not null and a.job in (${scope}) group by a.job, a.key`;

export const openJournal = (scope: string): string => `
select a.job, a.key, a.epoch, a.attempt, a.worker, coalesce(a.host, w.host) as host, a.assigned_at_ms
from attempt a left join worker w on w.id = a.worker
where a.ended_at_ms is null and a.job in (${scope})`;

export const openPieces = (scope: string): string => `select job, idx, key, spec, entry from piece where job in (${scope}) order by job, idx`;

export const endedUpstream = (scope: string): string => `
select id, state from job where ended_at_ms is not null and id in (
  select u.value from job j, json_each(j.upstream) u where j.upstream is not null and j.id in (${scope}))`;
