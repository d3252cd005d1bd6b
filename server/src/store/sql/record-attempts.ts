// Attempts that ended without settling their task, and the journal of long ones. A journal row of an ended attempt changes nothing.
// Row: [job, key, epoch, attempt, worker, host, assignedAtMs]
export const openAttempts = `
insert into attempt (job, key, epoch, attempt, seq, worker, host, state, assigned_at_ms)
select j.id, f.value->>1, f.value->>2, f.value->>3, 0, f.value->>4, f.value->>5, 'running', f.value->>6
from json_each(?) f cross join job j on j.id = f.value->>0
where j.ended_at_ms is null
on conflict do nothing`;

/** Row: [job, key, epoch, attempt, seq, worker, state, blame, error, exitCode, signal, log, usage, assignedAtMs, endedAtMs] */
export const endAttempts = `
insert into attempt (job, key, epoch, attempt, seq, worker, state, blame, error, exit_code, signal, log, usage, assigned_at_ms, ended_at_ms)
select j.id, f.value->>1, f.value->>2, f.value->>3, f.value->>4, f.value->>5, f.value->>6, f.value->>7, nullif(f.value->8, 'null'),
  f.value->>9, f.value->>10, nullif(f.value->11, 'null'), nullif(f.value->12, 'null'), f.value->>13, f.value->>14
from json_each(?) f cross join job j on j.id = f.value->>0
where true
on conflict (job, key, epoch, attempt) do update set seq = excluded.seq, state = excluded.state, blame = excluded.blame, error = excluded.error,
  exit_code = excluded.exit_code, signal = excluded.signal, log = excluded.log, usage = excluded.usage, ended_at_ms = excluded.ended_at_ms
where attempt.ended_at_ms is null`;

/** Of the rows of endAttempts: positions of those that are not there. */
export const unrecordedAttempts = `
select f.key as position from json_each(?) f where not exists (
  select 1 from attempt a where a.job = f.value->>0 and a.key = f.value->>1 and a.epoch = f.value->>2 and a.attempt = f.value->>3 and a.ended_at_ms is not null)`;
