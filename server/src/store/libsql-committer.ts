// Groups as libSQL statements: one per kind of fact over json_each(?), all in one batch. Runs beside the shell; the connection
// itself lives in a thread behind `SqlTransport`.
import { type JobId, UdcsError } from '@udcs/protocol';
import type { BootSnapshot, Fact, JobRecord, JobSnapshot } from '../core/seam.ts';
import type { CommitGroup, CommitResult, Committer, SqlResult, SqlRow, SqlValue, Statement } from './committer.ts';
import { blobRows, countedRow, endedRow, type FactsByKind, goneRow, openedRow, planRows, seenRow, settledRow, sortFacts } from './fact-rows.ts';
import { digestsOf } from './job-artifacts.ts';
import { bootSnapshot, snapshotStatements, snapshotsFrom } from './open-jobs.ts';
import { countJobs, uncountedJobs } from './sql/count-jobs.ts';
import { givenOpenJobs } from './sql/read-open-jobs.ts';
import { keepInline, referArtifacts } from './sql/record-artifacts.ts';
import { endAttempts, openAttempts, unrecordedAttempts } from './sql/record-attempts.ts';
import { loseWorkers, seeWorkers } from './sql/record-workers.ts';
import { jsonCell, partsOf, rowsTable } from './sql/rows.ts';
import { settleTasks, unsettledTasks } from './sql/settle-tasks.ts';
import { addPieces, stepPlans, unsteppedPlans } from './sql/step-plans.ts';
import { cancelJobs, submitDependentJobs, submitJobs, submittedJobs, upstreamJobs } from './sql/submit-jobs.ts';
import type { SubmitOutcome, SubmitRow } from './store.ts';

/** The one connection that writes. @throws CommitError */
export interface SqlTransport {
  /** One transaction; all or nothing. */
  batch(statements: readonly Statement[]): Promise<readonly SqlResult[]>;
  close(): Promise<void>;
}

/** A statement of the batch and what to do with its result. */
interface Step extends Statement {
  readonly read?: (result: SqlResult) => void;
}

const bind = (sql: string, rows: readonly unknown[], read?: (result: SqlResult) => void): Step =>
  read === undefined ? { sql, args: [JSON.stringify(rows)] } : { sql, args: [JSON.stringify(rows)], read };

export class LibsqlCommitter implements Committer {
  readonly #transport: SqlTransport;

  constructor(transport: SqlTransport) {
    this.#transport = transport;
  }

  async boot(): Promise<BootSnapshot> {
    return bootSnapshot(this.#transport);
  }

  async reload(jobs: readonly JobId[]): Promise<readonly JobSnapshot[]> {
    const parameter = [JSON.stringify(jobs)];
    const results = await this.#transport.batch(snapshotStatements(givenOpenJobs, parameter));
    return snapshotsFrom(results).jobs;
  }

  async commit(group: CommitGroup): Promise<CommitResult> {
    const steps: Step[] = [];
    const changes: SqlResult[][] = group.changes.map(() => []);
    group.changes.forEach((statements, at) => {
      for (const statement of statements) steps.push({ ...statement, read: (result) => void changes[at]?.push(result) });
    });
    const recheck: Step[] = [];
    const refused = new Set<Fact>();
    if (group.facts.length > 0) factSteps(group.facts, steps, recheck, refused);
    const submits = submitSteps(group.submits, steps);
    const canceled = new Set<SqlValue>();
    if (group.cancels.length > 0) {
      const rows = group.cancels.map((cancel) => [cancel.job, cancel.atMs]);
      steps.push(
        bind(cancelJobs, rows, (result) => {
          for (const row of result.rows) canceled.add(row['id'] ?? null);
        }),
      );
    }
    await this.#run(steps);
    if (submits.needsLookup()) recheck.push(...submits.lookup);
    // The group is durable now; what follows only reads, and this thread is the only writer, so nothing moved in between.
    if (recheck.length > 0) await this.#run(recheck);
    return { changes, refused: [...refused], submits: submits.outcomes(), canceled: group.cancels.map((cancel) => canceled.has(cancel.job)) };
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #run(steps: readonly Step[]): Promise<void> {
    if (steps.length === 0) return;
    const results = await this.#transport.batch(steps.map(({ sql, args }) => ({ sql, args })));
    steps.forEach((step, at) => {
      const result = results[at];
      if (result !== undefined) step.read?.(result);
    });
  }
}

/** Adds the statements of the facts; when one writes fewer rows than it was given, its check goes to `recheck`. */
function factSteps(facts: readonly Fact[], steps: Step[], recheck: Step[], refused: Set<Fact>): void {
  const kinds = sortFacts(facts);
  if (kinds.seen.length > 0) steps.push(bind(seeWorkers, kinds.seen.map(seenRow)));
  if (kinds.opened.length > 0) steps.push(bind(openAttempts, kinds.opened.map(openedRow)));
  if (kinds.ended.length > 0)
    checked(steps, recheck, endAttempts, unrecordedAttempts, kinds.ended.map(endedRow), (row) => mark(refused, kinds.ended[Number(row['position'])]));
  if (kinds.settled.length > 0)
    checkedRows(steps, recheck, settleTasks, unsettledTasks, kinds.settled.map(settledRow), (row) => mark(refused, kinds.settled[Number(row['position'])]));
  if (kinds.stepped.length > 0) planSteps(kinds, steps, recheck, refused);
  if (kinds.counted.size > 0) {
    checkedRows(steps, recheck, countJobs, uncountedJobs, [...kinds.counted.values()].map(countedRow), (row) => {
      for (const fact of facts) if (fact.type === 'job.counted' && fact.job === row['job']) refused.add(fact);
    });
  }
  const { made, named, inline } = blobRows(facts);
  if (inline.length > 0) steps.push(bind(keepInline, inline));
  if (made.length > 0) steps.push(bind(referArtifacts, made));
  if (named.length > 0) steps.push(bind(referArtifacts, named));
  if (kinds.gone.length > 0) steps.push(bind(loseWorkers, kinds.gone.map(goneRow)));
}

function planSteps(kinds: FactsByKind, steps: Step[], recheck: Step[], refused: Set<Fact>): void {
  const { plans, pieces } = planRows(kinds.stepped);
  const jobs = new Set(kinds.stepped.map((fact) => fact.job));
  const rests = JSON.stringify(kinds.settled.filter((fact) => jobs.has(fact.job)).map((fact) => [fact.job, fact.index, fact.seq]));
  const rows = JSON.stringify(plans);
  const read = (result: SqlResult): void => {
    if (result.rowsAffected >= plans.length) return;
    recheck.push({
      sql: unsteppedPlans,
      args: [rows],
      read: ({ rows: missing }) => {
        for (const row of missing) for (const fact of kinds.stepped) if (fact.job === row['job']) refused.add(fact);
      },
    });
  };
  steps.push({ sql: stepPlans, args: [rows, rests], read });
  if (pieces.length > 0) steps.push(bind(addPieces, pieces));
}

function checked(steps: Step[], recheck: Step[], write: string, check: string, rows: readonly unknown[][], missing: (row: SqlRow) => void): void {
  const args = [JSON.stringify(rows)];
  const read = (result: SqlResult): void => {
    if (result.rowsAffected >= rows.length) return;
    recheck.push({ sql: check, args, read: (found) => found.rows.forEach(missing) });
  };
  steps.push({ sql: write, args, read });
}

/** The same over bound rows. */
function checkedRows(
  steps: Step[],
  recheck: Step[],
  write: (f: string) => string,
  check: string,
  rows: readonly SqlValue[][],
  missing: (row: SqlRow) => void,
): void {
  let written = 0;
  let answered = 0;
  bindRows(steps, write, rows, (result, ofRows) => {
    written += result.rowsAffected;
    answered += ofRows;
    if (answered < rows.length || written >= rows.length) return;
    recheck.push({ sql: check, args: [JSON.stringify(rows)], read: (found) => found.rows.forEach(missing) });
  });
}

function bindRows(steps: Step[], write: (f: string) => string, rows: readonly SqlValue[][], read: (result: SqlResult, ofRows: number) => void): void {
  for (const part of partsOf(rows)) {
    const args: SqlValue[] = [];
    for (const row of part) for (const cell of row) args.push(cell);
    steps.push({ sql: write(rowsTable(part[0]?.length ?? 0, part.length)), args, read: (result) => read(result, part.length) });
  }
}

function mark(refused: Set<Fact>, fact: Fact | undefined): void {
  if (fact !== undefined) refused.add(fact);
}

const upstreamOf = (row: SubmitRow): readonly JobId[] => [...row.job.spec.after, ...row.job.spec.afterAny];

const submitRow = ({ job, idempotencyKey, payloadHash }: SubmitRow, upstream: readonly JobId[]): SqlValue[] => [
  job.id,
  job.owner,
  job.spec.name,
  job.specText ?? jsonCell(job.spec),
  jsonCell([...new Set(job.spec.variants.map((variant) => variant.type))]),
  jsonCell(job.spec.labels),
  job.spec.priority,
  idempotencyKey,
  payloadHash,
  upstream.length === 0 ? null : jsonCell(upstream),
  job.submittedAtMs,
  job.spec.count,
];

interface SubmitSteps {
  /** Statements that tell what stands, for when not every row was new. */
  readonly lookup: readonly Step[];
  needsLookup(): boolean;
  outcomes(): SubmitOutcome[];
}

function submitSteps(submits: readonly SubmitRow[], steps: Step[]): SubmitSteps {
  const plain = submits.filter((row) => upstreamOf(row).length === 0);
  const dependent = submits.filter((row) => upstreamOf(row).length > 0);
  let written = 0;
  const count = (result: SqlResult): void => {
    written += result.rowsAffected;
  };
  const standing = new Map<number, SqlRow>();
  const upstream = new Map<SqlValue, SqlRow>();
  if (plain.length > 0)
    bindRows(
      steps,
      submitJobs,
      plain.map((row) => submitRow(row, [])),
      count,
    );
  if (dependent.length > 0) {
    bindRows(
      steps,
      submitDependentJobs,
      dependent.map((row) => submitRow(row, upstreamOf(row))),
      count,
    );
    const ids = [...new Set(dependent.flatMap(upstreamOf))];
    steps.push(
      bind(upstreamJobs, ids, (result) => {
        for (const row of result.rows) upstream.set(row['id'] ?? null, row);
      }),
    );
  }
  const refs = submits.flatMap(({ job, artifacts }) => [...new Set([...digestsOf(job.spec), ...(artifacts ?? [])])].map((digest) => [job.id, digest, 0, 0]));
  if (refs.length > 0) steps.push(bind(referArtifacts, refs));
  const keys = submits.map(({ job, idempotencyKey }) => [job.id, job.owner, idempotencyKey]);
  return {
    lookup: [
      bind(submittedJobs, keys, (result) => {
        for (const row of result.rows) standing.set(Number(row['position']), row);
      }),
    ],
    needsLookup: () => written < submits.length,
    outcomes: () => submits.map((row, at) => (written === submits.length ? accepted(row, upstream) : outcomeOf(row, standing.get(at), upstream))),
  };
}

function accepted({ job }: SubmitRow, upstream: ReadonlyMap<SqlValue, SqlRow>): SubmitOutcome {
  const upstreamEnded: Record<string, 'succeeded' | 'failed' | 'canceled'> = {};
  for (const id of [...job.spec.after, ...job.spec.afterAny]) {
    const state = upstream.get(id)?.['state'];
    if (typeof state === 'string') upstreamEnded[id] = state as 'succeeded' | 'failed' | 'canceled';
  }
  const record: JobRecord = { ...job, upstreamEnded };
  return { ok: true, existing: false, job: record };
}

function outcomeOf(row: SubmitRow, standing: SqlRow | undefined, upstream: ReadonlyMap<SqlValue, SqlRow>): SubmitOutcome {
  if (standing === undefined) {
    const missing = upstreamOf(row).find((id) => upstream.get(id)?.['owner'] !== row.job.owner) ?? 'a job';
    return {
      ok: false,
      error: new UdcsError('NOT_FOUND', `after names ${missing}, which does not exist`, { hint: 'submit that job first, or leave it out' }).toRecord(),
    };
  }
  if (standing['id'] === row.job.id) return accepted(row, upstream);
  if (standing['hash'] === row.payloadHash) return { ok: true, existing: true, id: standing['id'] as JobId, total: Number(standing['total']) };
  const message = `the idempotency key "${row.idempotencyKey}" was used for another job (${standing['id']})`;
  return { ok: false, error: new UdcsError('CONFLICT', message, { hint: 'use a new key for a new job' }).toRecord() };
}
