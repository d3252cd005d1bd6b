// Writes the end of tasks: absent before, job open, and not after the job's cancel mark unless it is the cancellation itself.
// Row: [job, idx, key, seq, state, attempts, value, outputs, error, by, endedAtMs]
export const settleTasks = (f: string): string => `${f}
insert into task (job, idx, key, seq, state, attempts, value, outputs, error, by_attempt, ended_at_ms)
select j.id, f.c1, f.c2, f.c3, f.c4, f.c5, f.c6, f.c7, f.c8, f.c9, f.c10
from f cross join job j on j.id = f.c0
where j.ended_at_ms is null and (j.canceled_at_ms is null or f.c4 = 'canceled')
on conflict do nothing`;

/** Of the same rows: positions of those that are not in the table as given. */
export const unsettledTasks = `
select f.key as position from json_each(?) f
where not exists (select 1 from task t where t.job = f.value->>0 and t.idx = f.value->>1 and t.seq = f.value->>3 and t.state = f.value->>4)`;
