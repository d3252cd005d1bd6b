// The jobs that are alive, as the shell needs them: their header for assignment frames and their face (JobView) for
// subscribers. The core schedules from its own copy; this one is filled in from committed facts.
import { type JobHeader, type JobId, type JobView, jobStateOf, type WorkerId } from '@udcs/protocol';
import type { Fact, JobRecord, JobSnapshot } from '../core/seam.ts';

type Counted = Extract<Fact, { type: 'job.counted' }>;

export interface LiveJob {
  readonly record: JobRecord;
  canceledAtMs: number | null;
  /** The newest committed counters. */
  counted: Counted;
  /** JSON of the header without and with trust, made on first use. */
  readonly headers: { plain: string | null; trusted: string | null };
}

export class JobCatalog {
  private readonly jobs = new Map<JobId, LiveJob>();

  get size(): number {
    return this.jobs.size;
  }

  get(job: JobId): LiveJob | undefined {
    return this.jobs.get(job);
  }

  add(record: JobRecord): void {
    if (this.jobs.has(record.id)) return;
    this.jobs.set(record.id, { record, canceledAtMs: null, counted: freshCounters(record), headers: { plain: null, trusted: null } });
  }

  /** Takes over what the store holds: at boot and after a refused fact. */
  restore(snapshot: JobSnapshot): void {
    const { job: record, seq, succeeded, failed, canceled, repeated, startedAtMs } = snapshot;
    const total = snapshot.plan === null ? record.spec.count : snapshot.plan.pieces.length;
    const counted: Counted = {
      type: 'job.counted',
      job: record.id,
      seq,
      total,
      succeeded,
      failed,
      canceled,
      repeated,
      startedAtMs,
      endedAtMs: null,
      error: null,
    };
    this.jobs.set(record.id, { record, canceledAtMs: snapshot.canceledAtMs, counted, headers: { plain: null, trusted: null } });
  }

  cancel(job: JobId, atMs: number): void {
    const live = this.jobs.get(job);
    if (live !== undefined) live.canceledAtMs ??= atMs;
  }

  /** These jobs and the ones that wait, or waited, for them. */
  withDependents(jobs: ReadonlySet<JobId>): JobId[] {
    const all = new Set(jobs);
    for (const { record } of this.jobs.values()) if ([...record.spec.after, ...record.spec.afterAny].some((id) => jobs.has(id))) all.add(record.id);
    return [...all];
  }

  /** After its commit. Returns the job when it is known; an ended job is forgotten with `forget`. */
  count(fact: Counted): LiveJob | undefined {
    const live = this.jobs.get(fact.job);
    if (live !== undefined && fact.seq >= live.counted.seq) live.counted = fact;
    return live;
  }

  forget(job: JobId): void {
    this.jobs.delete(job);
  }

  view(live: LiveJob, active: number): JobView {
    const { record, counted, canceledAtMs } = live;
    const counts = {
      total: counted.total,
      succeeded: counted.succeeded,
      failed: counted.failed,
      canceled: counted.canceled,
      active: counted.endedAtMs === null ? active : 0,
    };
    return {
      id: record.id,
      name: record.spec.name,
      owner: record.owner,
      types: [...new Set(record.spec.variants.map((variant) => variant.type))],
      state: jobStateOf(counts, canceledAtMs, counted.endedAtMs !== null),
      counts,
      priority: record.spec.priority,
      labels: { ...record.spec.labels },
      seq: counted.seq,
      submittedAtMs: record.submittedAtMs,
      startedAtMs: counted.startedAtMs,
      endedAtMs: counted.endedAtMs,
      canceledAtMs,
      repeatedAttempts: counted.repeated,
      error: counted.error,
    };
  }

  /** The header of a job as JSON; array entries stay out of it, each task carries its own. */
  headerText(live: LiveJob, trusted: boolean): string {
    const kind = trusted ? 'trusted' : 'plain';
    const { record } = live;
    const made = live.headers[kind];
    if (made !== null) return made;
    const { specText } = record;
    const text =
      specText !== undefined && record.spec.entries === null
        ? `{"id":"${record.id}","owner":${JSON.stringify(record.owner)},"trusted":${trusted},"job":${specText}}`
        : JSON.stringify({ id: record.id, owner: record.owner, trusted, job: { ...record.spec, entries: null } } satisfies JobHeader);
    // A job of one task needs its header about once; keeping it would double the job's memory.
    if (record.spec.count > 1) live.headers[kind] = text;
    return text;
  }
}

const freshCounters = (record: JobRecord): Counted => ({
  type: 'job.counted',
  job: record.id,
  seq: 0,
  total: record.spec.count,
  succeeded: 0,
  failed: 0,
  canceled: 0,
  repeated: 0,
  startedAtMs: null,
  endedAtMs: null,
  error: null,
});

/** Work is trusted where its owner is the worker's owner. */
export const isTrusted = (live: LiveJob, link: { readonly worker: WorkerId; readonly owner: string | null }): boolean =>
  link.owner !== null && link.owner === live.record.owner;
