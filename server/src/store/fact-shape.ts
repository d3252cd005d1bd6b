// Small questions about facts that the writer asks before they become rows: how large, does it end a job.
import type { BlobRef } from '@udcs/protocol';
import type { Fact } from '../core/seam.ts';
import type { SubmitRow } from './store.ts';

/** Bytes a value takes as JSON, roughly; keys are not counted. */
export function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = 8;
  if (Array.isArray(value)) for (const item of value) bytes += roughBytes(item);
  else for (const key in value) bytes += 8 + roughBytes((value as Record<string, unknown>)[key]);
  return bytes;
}

/** Bytes a fact takes while it waits, roughly: the fixed part of the frequent kinds is not walked through. */
export function factBytes(fact: Fact): number {
  if (fact.type === 'job.counted') return 300;
  if (fact.type !== 'task.settled') return roughBytes(fact);
  let bytes = 900 + roughBytes(fact.value);
  for (const blob of blobsOf(fact)) bytes += 150 + (blob.inline?.length ?? 0);
  return bytes;
}

/** Bytes of a job on its way to the disk, roughly. */
export const submitBytes = ({ job }: SubmitRow): number => 600 + (job.specText?.length ?? roughBytes(job.spec));

/** The job a fact ends, and how (protocol's jobStateOf without the cancel mark, which the settled counts imply). */
export function endsIn(fact: Fact): { job: string; state: 'succeeded' | 'failed' | 'canceled' } | null {
  if (fact.type !== 'job.counted' || fact.endedAtMs === null) return null;
  return { job: fact.job, state: fact.failed > 0 ? 'failed' : fact.canceled > 0 ? 'canceled' : 'succeeded' };
}

/** Bytes named by a fact: outputs and logs. */
export function blobsOf(fact: Fact): readonly BlobRef[] {
  if (fact.type === 'attempt.ended') return fact.record.log === null ? [] : [fact.record.log];
  if (fact.type !== 'task.settled') return [];
  const outputs = Object.values(fact.outputs);
  return fact.by?.log ? [...outputs, fact.by.log] : outputs;
}

/** The reference without its bytes, which are kept once per digest elsewhere. */
export const withoutBytes = (blob: BlobRef): BlobRef => ({ digest: blob.digest, sizeBytes: blob.sizeBytes });
