// From rows to JobSnapshots: what the core takes over at boot, or after a refused fact. Counters come from the task rows, not
// from the job row, because a refused counter step leaves the job row behind.
import { type HostId, invariant, type JobId, type JobSpec, taskIdOf, type WorkerId } from '@udcs/protocol';
import type { BootSnapshot, JobSnapshot, PieceRecord } from '../core/seam.ts';
import type { SqlResult, SqlRow, SqlValue, Statement } from './committer.ts';
import type { SqlTransport } from './libsql-committer.ts';
import { allOpenJobs, endedUpstream, openJobs, openJournal, openPieces, raiseEpoch, settledRanges, taskCounts, triedAttempts } from './sql/read-open-jobs.ts';

type Ended = Record<string, 'succeeded' | 'failed' | 'canceled'>;
type Range = readonly [from: number, to: number];

const parts = [openJobs, taskCounts, settledRanges, triedAttempts, openJournal, openPieces, endedUpstream];

export const snapshotStatements = (scope: string, args: readonly SqlValue[]): Statement[] => parts.map((part) => ({ sql: part(scope), args }));

export async function bootSnapshot(transport: SqlTransport): Promise<BootSnapshot> {
  const [raised, ...rest] = await transport.batch([{ sql: raiseEpoch, args: [] }, ...snapshotStatements(allOpenJobs, [])]);
  const epoch = Number(raised?.rows[0]?.['epoch']);
  invariant(Number.isSafeInteger(epoch) && epoch > 0, 'the shard row has an epoch');
  return { epoch, ...snapshotsFrom(rest) };
}

const text = (row: SqlRow, name: string): string => String(row[name]);
const parsed = <T>(row: SqlRow, name: string): T | null => (typeof row[name] === 'string' ? (JSON.parse(row[name]) as T) : null);

function byJob(rows: readonly SqlRow[]): Map<string, SqlRow[]> {
  const grouped = new Map<string, SqlRow[]>();
  for (const row of rows) {
    const id = text(row, 'job');
    const list = grouped.get(id);
    if (list === undefined) grouped.set(id, [row]);
    else list.push(row);
  }
  return grouped;
}

export function snapshotsFrom(results: readonly SqlResult[]): { jobs: JobSnapshot[]; ended: Ended } {
  const [jobs, counts, ranges, tried, open, pieces, upstream] = results.map((result) => result.rows);
  const ended: Ended = Object.fromEntries((upstream ?? []).map((row) => [text(row, 'id'), row['state'] as Ended[string]]));
  const related = { counts: byJob(counts ?? []), ranges: byJob(ranges ?? []), tried: byJob(tried ?? []), open: byJob(open ?? []), pieces: byJob(pieces ?? []) };
  const of = (kind: keyof typeof related, id: string): readonly SqlRow[] => related[kind].get(id) ?? [];
  return {
    ended,
    jobs: (jobs ?? [])
      .flatMap((group) => parsed<OpenJobRow[]>(group, 'jobs') ?? [])
      .map((row) => {
        const { id } = row;
        return snapshotOf(
          row,
          { counts: of('counts', id)[0] ?? {}, ranges: of('ranges', id), tried: of('tried', id), open: of('open', id), pieces: of('pieces', id) },
          ended,
        );
      }),
  };
}

/** One job as openJobs makes it. */
interface OpenJobRow {
  readonly id: JobId;
  readonly owner: string;
  readonly spec: JobSpec;
  readonly submittedAtMs: number;
  readonly startedAtMs: number | null;
  readonly canceledAtMs: number | null;
  readonly repeated: number;
  readonly seq: number;
  readonly planState: unknown;
  readonly planDone: number | null;
  readonly planWakeAtMs: number | null;
  readonly planSeq: number;
  readonly upstream: readonly string[] | null;
}

interface Related {
  readonly counts: SqlRow;
  readonly ranges: readonly SqlRow[];
  readonly tried: readonly SqlRow[];
  readonly open: readonly SqlRow[];
  readonly pieces: readonly SqlRow[];
}

function snapshotOf(row: OpenJobRow, related: Related, ended: Ended): JobSnapshot {
  const { id } = row;
  const settled = related.ranges.map((range): Range => [Number(range['low']), Number(range['high'])]);
  const pieces = related.pieces.map(
    (piece): PieceRecord => ({
      key: text(piece, 'key'),
      index: Number(piece['idx']),
      spec: parsed<Record<string, unknown>>(piece, 'spec') ?? {},
      entry: parsed(piece, 'entry'),
    }),
  );
  const indexOfKey = new Map(pieces.map((piece) => [piece.key, piece.index]));
  const isSettled = (key: string): boolean => inRanges(settled, indexOfKey.get(key) ?? Number(key));
  const upstream = row.upstream ?? [];
  const { counts } = related;
  return {
    job: {
      id,
      owner: row.owner,
      spec: row.spec,
      submittedAtMs: row.submittedAtMs,
      upstreamEnded: Object.fromEntries(upstream.flatMap((up) => (ended[up] === undefined ? [] : [[up, ended[up]]]))),
    },
    seq: Math.max(
      row.seq,
      row.planSeq,
      related.tried.reduce((most, one) => Math.max(most, Number(one['seq'])), Number(counts['seq'] ?? 0)),
    ),
    succeeded: Number(counts['succeeded'] ?? 0),
    failed: Number(counts['failed'] ?? 0),
    canceled: Number(counts['canceled'] ?? 0),
    repeated: row.repeated,
    startedAtMs: row.startedAtMs,
    canceledAtMs: row.canceledAtMs,
    settled,
    tried: related.tried
      .filter((one) => !isSettled(text(one, 'key')))
      .map((one) => ({
        key: text(one, 'key'),
        attempts: Number(one['attempts']),
        failures: Number(one['failures']),
        lost: Number(one['lost']),
        hosts: parsed<HostId[]>(one, 'hosts') ?? [],
      })),
    open: related.open
      .filter((one) => !isSettled(text(one, 'key')))
      .map((one) => ({
        ref: { task: taskIdOf(id, text(one, 'key')), epoch: Number(one['epoch']), attempt: Number(one['attempt']) },
        worker: text(one, 'worker') as WorkerId,
        host: text(one, 'host') as HostId,
        assignedAtMs: Number(one['assigned_at_ms']),
      })),
    plan: row.planDone === null ? null : { state: row.planState, done: row.planDone === 1, wakeAtMs: row.planWakeAtMs, pieces },
  };
}

function inRanges(ranges: readonly Range[], index: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = ranges[middle] as Range;
    if (index < from) high = middle - 1;
    else if (index > to) low = middle + 1;
    else return true;
  }
  return false;
}
