// Writes a plan's state and the pieces it added, unless a settlement of the same group, on which the step rests, was refused.
// Row: [job, seq, state, done, wakeAtMs]; second parameter: [job, idx, seq] of the group's settlements of these jobs.
export const stepPlans = `
update job set plan_seq = f.value->>1, plan_state = f.value->2, plan_done = f.value->>3, plan_wake_at_ms = f.value->>4
from json_each(?) f
where job.id = f.value->>0 and job.ended_at_ms is null and f.value->>1 > job.plan_seq
  and not exists (
    select 1 from json_each(?) s where s.value->>0 = f.value->>0
      and not exists (select 1 from task t where t.job = s.value->>0 and t.idx = s.value->>1 and t.seq = s.value->>2))`;

/** Row: [job, idx, key, spec, entry, seq of the step, seq of the last step of the group] */
export const addPieces = `
insert into piece (job, idx, key, spec, entry)
select j.id, f.value->>1, f.value->>2, f.value->3, nullif(f.value->4, 'null')
from json_each(?) f cross join job j on j.id = f.value->>0
where j.plan_seq = f.value->>6
on conflict do nothing`;

/** Of the rows of stepPlans: jobs whose plan does not stand as given. */
export const unsteppedPlans = `
select f.value->>0 as job from json_each(?) f left join job on job.id = f.value->>0 where job.id is null or job.plan_seq <> f.value->>1`;
