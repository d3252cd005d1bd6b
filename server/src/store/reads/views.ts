// From rows to the views of the protocol. Live parts (active counts, load, state of connected workers) are not known here: the
// API puts them in from the core.
import { type AttemptView, type BlobRef, type JobId, type JobView, jobStateOf, type TaskView, taskIdOf, type WorkerView } from '@udcs/protocol';
import { inArray } from 'drizzle-orm';
import type { AttemptRecord } from '../../core/seam.ts';
import { type attempt, inlineBlob, type job, type task, worker } from '../schema.ts';
import type { ReadDatabase } from './database.ts';

export type JobRow = typeof job.$inferSelect;
export type TaskRow = typeof task.$inferSelect;
export type AttemptRow = typeof attempt.$inferSelect;

export function jobView(row: Omit<JobRow, 'spec'>): JobView {
  const counts = { total: row.total, succeeded: row.succeeded, failed: row.failed, canceled: row.canceled, active: 0 };
  const state = row.endedAtMs === null ? (row.state ?? 'queued') : jobStateOf(counts, row.canceledAtMs, true);
  return {
    id: row.id,
    name: row.name,
    owner: row.owner,
    types: row.types,
    state,
    counts,
    priority: row.priority,
    labels: row.labels,
    seq: row.seq,
    submittedAtMs: row.submittedAtMs,
    startedAtMs: row.startedAtMs,
    endedAtMs: row.endedAtMs,
    canceledAtMs: row.canceledAtMs,
    repeatedAttempts: row.repeated,
    error: row.error,
  };
}

/** Inline bytes put back into the views of one answer; more than this and the reader fetches them by digest. */
const INLINE_BUDGET_BYTES = 2 * 1024 * 1024;

export async function taskViews(db: ReadDatabase, rows: readonly TaskRow[]): Promise<TaskView[]> {
  const fill = await inlineFiller(
    db,
    rows.flatMap((row) => [...Object.values(row.outputs ?? {}), ...(row.by?.log ? [row.by.log] : [])]),
  );
  return rows.map((row) => ({
    id: taskIdOf(row.job as JobId, row.key),
    key: row.key,
    index: row.idx,
    state: row.state,
    attempts: row.attempts,
    worker: row.by?.worker ?? null,
    ...(row.value === null ? {} : { value: row.value }),
    outputs: Object.fromEntries(Object.entries(row.outputs ?? {}).map(([name, blob]) => [name, fill(blob)])),
    exitCode: row.by?.exitCode ?? null,
    log: row.by?.log ? fill(row.by.log) : null,
    error: row.error,
    endedAtMs: row.endedAtMs,
  }));
}

export async function inlineFiller(db: ReadDatabase, blobs: readonly BlobRef[]): Promise<(blob: BlobRef) => BlobRef> {
  const wanted: string[] = [];
  let budget = INLINE_BUDGET_BYTES;
  for (const { digest, sizeBytes } of blobs) {
    if (sizeBytes > budget || wanted.includes(digest)) continue;
    budget -= sizeBytes;
    wanted.push(digest);
  }
  if (wanted.length === 0) return (blob) => blob;
  const found = await db.select().from(inlineBlob).where(inArray(inlineBlob.digest, wanted));
  const bytes = new Map(found.map((row) => [row.digest, row.base64]));
  return (blob) => {
    const inline = bytes.get(blob.digest);
    return inline === undefined ? blob : { ...blob, inline };
  };
}

/** One shape for attempts that settled their task and those that did not. */
export const recordOf = (row: AttemptRow): AttemptRecord => ({
  task: taskIdOf(row.job as JobId, row.key),
  epoch: row.epoch,
  attempt: row.attempt,
  worker: row.worker as AttemptRecord['worker'],
  state: row.state,
  blame: row.blame,
  error: row.error,
  exitCode: row.exitCode,
  signal: row.signal,
  log: row.log,
  usage: row.usage,
  assignedAtMs: row.assignedAtMs,
  endedAtMs: row.endedAtMs,
});

export async function attemptViews(db: ReadDatabase, records: readonly AttemptRecord[]): Promise<AttemptView[]> {
  if (records.length === 0) return [];
  const fill = await inlineFiller(
    db,
    records.flatMap((record) => (record.log === null ? [] : [record.log])),
  );
  const ids = [...new Set(records.map((record) => record.worker as string))];
  const workers = new Map(
    (await db.select({ id: worker.id, name: worker.name, kind: worker.kind }).from(worker).where(inArray(worker.id, ids))).map((row) => [row.id, row]),
  );
  return records.map((record) => {
    const by = workers.get(record.worker);
    return { ...record, log: record.log === null ? null : fill(record.log), workerName: by?.name ?? record.worker, workerKind: by?.kind ?? 'native' };
  });
}

export const workerView = (row: typeof worker.$inferSelect): WorkerView => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  host: row.host,
  owner: row.owner,
  state: 'gone',
  software: row.software,
  capabilities: row.capabilities,
  load: null,
  running: 0,
  tasksDone: row.tasksDone,
  attemptsLost: row.attemptsLost,
  firstSeenAtMs: row.firstSeenAtMs,
  lastSeenAtMs: row.goneAtMs ?? row.lastSeenAtMs,
});
