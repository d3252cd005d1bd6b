// One text per meaning of a job, and its hash: keys sorted, the idempotency key left out. Two submits with the same key must agree
// on it.
import { hash } from 'node:crypto';
import type { Job } from '@udcs/protocol';

/** JSON with sorted keys and without undefined members. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => (item === undefined ? 'null' : canonicalJson(item))).join(',')}]`;
  const record = value as Record<string, unknown>;
  let text = '';
  for (const key of Object.keys(record).sort()) {
    const item = record[key];
    if (item !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(item)}`;
  }
  return `{${text}}`;
}

export function canonicalJob(job: Job): string {
  const { idempotencyKey: _, ...payload } = job;
  return canonicalJson(payload);
}

/** SHA-256 hex of a canonical job. */
export const payloadHash = (canonical: string): string => hash('sha256', canonical);
