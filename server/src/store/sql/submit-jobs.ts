// Takes jobs in. The unique index on (owner, idempotency key) decides what is new; a job whose upstream is unknown is left out.
// Row: [id, owner, name, spec, types, labels, priority, idempotencyKey, payloadHash, upstream, submittedAtMs, total]
const columns = 'id, owner, name, spec, types, labels, priority, idempotency_key, payload_hash, upstream, submitted_at_ms, total';
const values = 'f.c0, f.c1, f.c2, f.c3, f.c4, f.c5, f.c6, f.c7, f.c8, f.c9, f.c10, f.c11';

export const submitJobs = (f: string): string => `${f} insert into job (${columns}) select ${values} from f where true on conflict do nothing`;

/** The same for jobs with `after` or `afterAny`: every upstream must be a job of the same owner. */
export const submitDependentJobs = (f: string): string => `${f}
insert into job (${columns}) select ${values} from f
where not exists (select 1 from json_each(f.c9) u where not exists (select 1 from job up where up.id = u.value and up.owner = f.c1))
on conflict do nothing`;

/** What stands for each [id, owner, idempotencyKey]: the new job, or the earlier one with that key. */
export const submittedJobs = `
select f.key as position, job.id, job.payload_hash as hash, job.total from json_each(?1) f cross join job on job.id = f.value->>0
union all
select f.key, job.id, job.payload_hash, job.total from json_each(?1) f
cross join job on job.owner = f.value->>1 and job.idempotency_key = f.value->>2 and job.id <> f.value->>0`;

/** Upstream jobs by [id]: owner and how it ended (state null = not yet). */
export const upstreamJobs = `
select job.id, job.owner, case when job.ended_at_ms is null then null else job.state end as state from json_each(?) f cross join job on job.id = f.value`;

export const cancelJobs = `
update job set canceled_at_ms = coalesce(canceled_at_ms, f.value->>1) from json_each(?) f where job.id = f.value->>0 and job.ended_at_ms is null returning job.id`;
