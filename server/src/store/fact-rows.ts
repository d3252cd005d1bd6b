// From facts to the rows of the group statements (sql/): one JSON array per kind of fact. No SQL runs here.
import { createHash } from 'node:crypto';
import { type BlobRef, splitTaskId } from '@udcs/protocol';
import type { Fact } from '../core/seam.ts';
import type { SqlValue } from './committer.ts';
import { blobsOf, withoutBytes } from './fact-shape.ts';
import { digestsIn } from './job-artifacts.ts';
import { jsonCell } from './sql/rows.ts';

type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;

/** The facts of a group by kind, in their order. */
export interface FactsByKind {
  readonly settled: FactOf<'task.settled'>[];
  /** The last of each job: counters are absolute. */
  readonly counted: Map<string, FactOf<'job.counted'>>;
  readonly stepped: FactOf<'plan.stepped'>[];
  readonly opened: FactOf<'attempt.opened'>[];
  readonly ended: FactOf<'attempt.ended'>[];
  readonly seen: FactOf<'worker.seen'>[];
  readonly gone: FactOf<'worker.gone'>[];
}

export function sortFacts(facts: readonly Fact[]): FactsByKind {
  const kinds: FactsByKind = { settled: [], counted: new Map(), stepped: [], opened: [], ended: [], seen: [], gone: [] };
  for (const fact of facts) {
    switch (fact.type) {
      case 'task.settled':
        kinds.settled.push(fact);
        break;
      case 'job.counted':
        if (fact.seq >= (kinds.counted.get(fact.job)?.seq ?? 0)) kinds.counted.set(fact.job, fact);
        break;
      case 'plan.stepped':
        kinds.stepped.push(fact);
        break;
      case 'attempt.opened':
        kinds.opened.push(fact);
        break;
      case 'attempt.ended':
        kinds.ended.push(fact);
        break;
      case 'worker.seen':
        kinds.seen.push(fact);
        break;
      case 'worker.gone':
        kinds.gone.push(fact);
        break;
    }
  }
  return kinds;
}

const slimOutputs = (outputs: Readonly<Record<string, BlobRef>>): Record<string, BlobRef> | null => {
  const entries = Object.entries(outputs);
  return entries.length === 0 ? null : Object.fromEntries(entries.map(([name, blob]) => [name, withoutBytes(blob)]));
};
const slimLog = (log: BlobRef | null): BlobRef | null => (log === null ? null : withoutBytes(log));

export const settledRow = (fact: FactOf<'task.settled'>): SqlValue[] => [
  fact.job,
  fact.index,
  fact.key,
  fact.seq,
  fact.state,
  fact.attempts,
  jsonCell(fact.value),
  jsonCell(slimOutputs(fact.outputs)),
  jsonCell(fact.error),
  jsonCell(fact.by === null || fact.by.log === null ? fact.by : { ...fact.by, log: slimLog(fact.by.log) }),
  fact.endedAtMs,
];

export const countedRow = (fact: FactOf<'job.counted'>): SqlValue[] => [
  fact.job,
  fact.seq,
  fact.total,
  fact.succeeded,
  fact.failed,
  fact.canceled,
  fact.repeated,
  fact.startedAtMs,
  fact.endedAtMs,
  jsonCell(fact.error),
];

export const openedRow = ({ ref, worker, host, assignedAtMs }: FactOf<'attempt.opened'>): unknown[] => {
  const { jobId, key } = splitTaskId(ref.task);
  return [jobId, key, ref.epoch, ref.attempt, worker, host, assignedAtMs];
};

export const endedRow = ({ seq, record }: FactOf<'attempt.ended'>): unknown[] => {
  const { jobId, key } = splitTaskId(record.task);
  const { epoch, attempt, worker, state, blame, error, exitCode, signal, log, usage, assignedAtMs, endedAtMs } = record;
  return [jobId, key, epoch, attempt, seq, worker, state, blame, error, exitCode, signal, slimLog(log), usage, assignedAtMs, endedAtMs ?? assignedAtMs];
};

export const seenRow = ({ introduction: i, atMs }: FactOf<'worker.seen'>): unknown[] => [
  i.worker,
  i.host,
  i.kind,
  i.name,
  i.instance,
  i.software,
  i.owner,
  i.network,
  i.capabilities,
  atMs,
];

export const goneRow = (fact: FactOf<'worker.gone'>): unknown[] => [fact.worker, fact.atMs, fact.tasksDone, fact.attemptsLost];

/** Plans step several times in a group: the last state stands, the pieces of all are added. */
export function planRows(stepped: readonly FactOf<'plan.stepped'>[]): { plans: unknown[][]; pieces: unknown[][] } {
  const last = new Map<string, FactOf<'plan.stepped'>>();
  for (const fact of stepped) if (fact.seq >= (last.get(fact.job)?.seq ?? 0)) last.set(fact.job, fact);
  const plans = [...last.values()].map((fact) => [fact.job, fact.seq, fact.state ?? null, fact.done ? 1 : 0, fact.wakeAtMs]);
  const pieces = stepped.flatMap((fact) =>
    fact.added.map((piece) => [fact.job, piece.index, piece.key, piece.spec, piece.entry, fact.seq, last.get(fact.job)?.seq ?? fact.seq]),
  );
  return { plans, pieces };
}

/** References and inline bytes of all facts. Bytes that are not what their digest says are left out: the digest then pins nothing. */
export function blobRows(facts: readonly Fact[]): { made: unknown[][]; named: unknown[][]; inline: unknown[][] } {
  const made: unknown[][] = [];
  const named: unknown[][] = [];
  const inline = new Map<string, unknown[]>();
  for (const fact of facts) {
    if (fact.type === 'plan.stepped') for (const digest of digestsIn(fact.added.map((piece) => piece.spec))) named.push([fact.job, digest, 0, 0]);
    const job = 'job' in fact ? fact.job : '';
    for (const blob of blobsOf(fact)) {
      const carried = blob.inline !== undefined && (inline.has(blob.digest) || holdsDigest(blob));
      if (carried && !inline.has(blob.digest)) inline.set(blob.digest, [blob.digest, blob.sizeBytes, blob.inline]);
      made.push([job, blob.digest, carried ? 1 : 0, 1]);
    }
  }
  return { made, named, inline: [...inline.values()] };
}

/** Whether the inline bytes of a reference are what its digest and size say. */
function holdsDigest(blob: BlobRef): boolean {
  if (blob.inline === undefined) return false;
  const bytes = Buffer.from(blob.inline, 'base64');
  return bytes.length === blob.sizeBytes && `sha256:${createHash('sha256').update(bytes).digest('hex')}` === blob.digest;
}
