// What survives a crash: rows in memory, changed by whole groups only, with the guards that the SQL of the real store has.
// It also is the witness: it knows what is durable, so the invariants ask it.
import type { JobId, TaskKey } from '@udcs/protocol';
import type { BootSnapshot, Fact, JobRecord, JobSnapshot, PieceRecord } from '../../server/src/core/seam.ts';
import type { CommitGroup, CommitResult } from '../../server/src/store/committer.ts';
import type { SubmitOutcome, SubmitRow } from '../../server/src/store/store.ts';

type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;
export type TaskRow = FactOf<'task.settled'>;
type End = 'succeeded' | 'failed' | 'canceled';

export interface AttemptRow {
  readonly key: TaskKey;
  readonly epoch: number;
  readonly attempt: number;
  readonly worker: string;
  readonly host: string;
  readonly state: string;
  readonly assignedAtMs: number;
  readonly ended: boolean;
}

export interface JobRow {
  readonly submitted: SubmitRow;
  counted: FactOf<'job.counted'>;
  canceledAtMs: number | null;
  readonly tasks: Map<number, TaskRow>;
  readonly attempts: Map<string, AttemptRow>;
  plan: { seq: number; state: unknown; done: boolean; wakeAtMs: number | null; readonly pieces: PieceRecord[] } | null;
}

/** One thing the disk was asked, and what it answered: to be asked again of the real store. */
export type DiskEntry =
  | { readonly type: 'boot'; readonly answer: BootSnapshot }
  | { readonly type: 'commit'; readonly group: CommitGroup; readonly answer: CommitResult }
  | { readonly type: 'reload'; readonly jobs: readonly JobId[]; readonly answer: readonly JobSnapshot[] };

const attemptId = (key: string, epoch: number, attempt: number): string => `${key}/${epoch}/${attempt}`;

export class Disk {
  epoch = 0;
  full = false;
  /** Set to keep everything that was asked. */
  log: DiskEntry[] | null = null;
  readonly jobs = new Map<JobId, JobRow>();
  private readonly byKey = new Map<string, JobId>();
  private readonly hosts = new Map<string, string>();

  boot(): BootSnapshot {
    this.epoch++;
    const open = [...this.jobs.values()].filter((row) => row.counted.endedAtMs === null);
    const ended: Record<string, End> = {};
    for (const row of open) for (const id of upstreamOf(row.submitted)) this.noteEnd(id, ended);
    const answer = { epoch: this.epoch, jobs: open.map((row) => this.snapshot(row)), ended };
    this.log?.push({ type: 'boot', answer });
    return answer;
  }

  reload(jobs: readonly JobId[]): JobSnapshot[] {
    const answer = jobs.flatMap((id) => {
      const row = this.jobs.get(id);
      return row === undefined || row.counted.endedAtMs !== null ? [] : [this.snapshot(row)];
    });
    this.log?.push({ type: 'reload', jobs, answer });
    return answer;
  }

  /** Writes one group, whole. Order: facts, submits, cancels. */
  apply(group: CommitGroup): CommitResult {
    const refused = this.applyFacts(group.facts);
    const submits = group.submits.map((row) => this.submit(row));
    const canceled = group.cancels.map(({ job, atMs }) => {
      const row = this.jobs.get(job);
      if (row === undefined || row.counted.endedAtMs !== null) return false;
      row.canceledAtMs ??= atMs;
      return true;
    });
    const answer = { changes: group.changes.map(() => []), refused, submits, canceled };
    this.log?.push({ type: 'commit', group, answer });
    return answer;
  }

  endOf(job: string): End | null {
    const row = this.jobs.get(job as JobId);
    if (row === undefined || row.counted.endedAtMs === null) return null;
    if (row.canceledAtMs !== null && row.counted.canceled > 0) return 'canceled';
    return row.counted.failed > 0 ? 'failed' : row.counted.canceled > 0 ? 'canceled' : 'succeeded';
  }

  private noteEnd(id: string, into: Record<string, End>): void {
    const end = this.endOf(id);
    if (end !== null) into[id] = end;
  }

  private submit(submitted: SubmitRow): SubmitOutcome {
    const { job, idempotencyKey, payloadHash } = submitted;
    const key = idempotencyKey === null ? null : `${job.owner}\n${idempotencyKey}`;
    const earlier = key === null ? undefined : this.byKey.get(key);
    if (earlier !== undefined) {
      const row = this.jobs.get(earlier) as JobRow;
      if (row.submitted.payloadHash !== payloadHash) return { ok: false, error: { code: 'CONFLICT', message: 'the key was used with another payload' } };
      return { ok: true, existing: true, id: earlier, total: row.counted.total };
    }
    if (upstreamOf(submitted).some((id) => !this.jobs.has(id))) return { ok: false, error: { code: 'NOT_FOUND', message: 'an upstream job is unknown' } };
    const counted: FactOf<'job.counted'> = {
      type: 'job.counted',
      job: job.id,
      seq: 0,
      total: job.spec.count,
      succeeded: 0,
      failed: 0,
      canceled: 0,
      repeated: 0,
      startedAtMs: null,
      endedAtMs: null,
      error: null,
    };
    this.jobs.set(job.id, { submitted, counted, canceledAtMs: null, tasks: new Map(), attempts: new Map(), plan: null });
    if (key !== null) this.byKey.set(key, job.id);
    return { ok: true, existing: false, job: this.record(job.id) };
  }

  private record(id: JobId): JobRecord {
    const row = this.jobs.get(id) as JobRow;
    const upstreamEnded: Record<string, End> = {};
    for (const upstream of upstreamOf(row.submitted)) this.noteEnd(upstream, upstreamEnded);
    return { ...row.submitted.job, upstreamEnded };
  }

  private applyFacts(facts: readonly Fact[]): Fact[] {
    const refused = new Set<Fact>();
    const settlementRefused = new Set<JobId>();
    for (const fact of facts) {
      if (fact.type === 'worker.seen') this.hosts.set(fact.introduction.worker, fact.introduction.host);
      else if (fact.type === 'task.settled' && !this.settle(fact)) {
        refused.add(fact);
        settlementRefused.add(fact.job);
      } else if (fact.type === 'attempt.opened') this.open(fact);
      else if (fact.type === 'attempt.ended' && !this.end(fact)) refused.add(fact);
      else if (fact.type === 'plan.stepped' && (settlementRefused.has(fact.job) || !this.stepPlan(fact))) refused.add(fact);
    }
    for (const fact of this.count(facts)) refused.add(fact);
    return facts.filter((fact) => refused.has(fact));
  }

  private settle(fact: TaskRow): boolean {
    const row = this.jobs.get(fact.job);
    if (row === undefined) return false;
    const there = row.tasks.get(fact.index);
    if (there !== undefined) return there.seq === fact.seq && there.state === fact.state;
    if (row.counted.endedAtMs !== null || (row.canceledAtMs !== null && fact.state !== 'canceled')) return false;
    row.tasks.set(fact.index, fact);
    return true;
  }

  private open(fact: FactOf<'attempt.opened'>): void {
    const dot = fact.ref.task.indexOf('.');
    const key = fact.ref.task.slice(dot + 1);
    const row = this.jobs.get(fact.ref.task.slice(0, dot) as JobId);
    const id = attemptId(key, fact.ref.epoch, fact.ref.attempt);
    if (row === undefined || row.counted.endedAtMs !== null || row.attempts.has(id)) return;
    const { epoch, attempt } = fact.ref;
    row.attempts.set(id, { key, epoch, attempt, worker: fact.worker, host: fact.host, state: 'running', assignedAtMs: fact.assignedAtMs, ended: false });
  }

  private end(fact: FactOf<'attempt.ended'>): boolean {
    const row = this.jobs.get(fact.job);
    if (row === undefined) return false;
    const { task, epoch, attempt, worker, state, assignedAtMs } = fact.record;
    const key = task.slice(task.indexOf('.') + 1);
    const id = attemptId(key, epoch, attempt);
    const there = row.attempts.get(id);
    if (there?.ended === true) return true;
    row.attempts.set(id, { key, epoch, attempt, worker, host: there?.host ?? this.hosts.get(worker) ?? '', state, assignedAtMs, ended: true });
    return true;
  }

  private stepPlan(fact: FactOf<'plan.stepped'>): boolean {
    const row = this.jobs.get(fact.job);
    if (row === undefined || row.counted.endedAtMs !== null) return false;
    const pieces = row.plan?.pieces ?? [];
    for (const piece of fact.added) if (!pieces.some((known) => known.index === piece.index)) pieces.push(piece);
    row.plan = { seq: fact.seq, state: fact.state, done: fact.done, wakeAtMs: fact.wakeAtMs, pieces };
    return true;
  }

  /** Moves counters, once per job and group; refuses a step that the task rows do not bear out. */
  private count(facts: readonly Fact[]): Fact[] {
    const newest = new Map<JobId, FactOf<'job.counted'>>();
    for (const fact of facts) if (fact.type === 'job.counted' && fact.seq >= (newest.get(fact.job)?.seq ?? 0)) newest.set(fact.job, fact);
    const bad = new Set<JobId>();
    for (const [job, fact] of newest) {
      const row = this.jobs.get(job);
      if (row === undefined || row.counted.endedAtMs !== null || fact.seq <= row.counted.seq || !bornOut(row, fact)) bad.add(job);
      else row.counted = { ...fact, startedAtMs: row.counted.startedAtMs ?? fact.startedAtMs };
    }
    return facts.filter((fact) => fact.type === 'job.counted' && bad.has(fact.job));
  }

  private snapshot(row: JobRow): JobSnapshot {
    const { counted, canceledAtMs, plan } = row;
    const rows = [...row.tasks.values()];
    const in_ = (state: End): number => rows.filter((task) => task.state === state).length;
    return {
      job: this.record(row.submitted.job.id),
      seq: Math.max(counted.seq, plan?.seq ?? 0, ...rows.map((task) => task.seq)),
      succeeded: in_('succeeded'),
      failed: in_('failed'),
      canceled: in_('canceled'),
      repeated: counted.repeated,
      startedAtMs: counted.startedAtMs,
      canceledAtMs,
      settled: ranges([...row.tasks.keys()]),
      tried: triedOf(row),
      open: [...row.attempts.values()]
        .filter((attempt) => !attempt.ended && !rows.some((task) => task.key === attempt.key))
        .map(({ key, epoch, attempt, worker, host, assignedAtMs }) => ({
          ref: { task: `${row.submitted.job.id}.${key}` as const, epoch, attempt },
          worker: worker as `wkr_${string}`,
          host: host as `hst_${string}`,
          assignedAtMs,
        })),
      plan: plan === null ? null : { state: plan.state, done: plan.done, wakeAtMs: plan.wakeAtMs, pieces: [...plan.pieces].sort((a, b) => a.index - b.index) },
    };
  }
}

const upstreamOf = (row: SubmitRow): JobId[] => [...row.job.spec.after, ...row.job.spec.afterAny];

function bornOut(row: JobRow, fact: FactOf<'job.counted'>): boolean {
  const step = fact.succeeded + fact.failed - row.counted.succeeded - row.counted.failed;
  return step === [...row.tasks.values()].filter((task) => task.seq > row.counted.seq && task.state !== 'canceled').length;
}

function ranges(indexes: number[]): [number, number][] {
  const out: [number, number][] = [];
  for (const index of indexes.sort((a, b) => a - b)) {
    const last = out.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else out.push([index, index]);
  }
  return out;
}

function triedOf(row: JobRow): JobSnapshot['tried'] {
  const byKey = new Map<string, { attempts: number; failures: number; lost: number; hosts: Set<string> }>();
  const settled = new Set([...row.tasks.values()].map((task) => task.key));
  for (const { key, attempt, state, host, ended } of row.attempts.values()) {
    if (!ended || settled.has(key)) continue;
    const entry = byKey.get(key) ?? { attempts: 0, failures: 0, lost: 0, hosts: new Set<string>() };
    byKey.set(key, entry);
    entry.attempts = Math.max(entry.attempts, attempt);
    if (state === 'failed') entry.failures++;
    if (state === 'lost') entry.lost++;
    if ((state === 'failed' || state === 'lost') && host !== '') entry.hosts.add(host);
  }
  return [...byKey].map(([key, { hosts, ...counts }]) => ({ key, ...counts, hosts: [...hosts] as `hst_${string}`[] }));
}
