// One hash per meaning of a job: keys sorted, the idempotency key left out. Two submits with the same key must agree on it.
import { createHash } from 'node:crypto';
import type { Job } from '@udcs/protocol';

/** JSON with sorted keys and without undefined members. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => (item === undefined ? 'null' : canonicalJson(item))).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** SHA-256 hex of the canonical job without its idempotency key. */
export function payloadHash(job: Job): string {
  const { idempotencyKey: _, ...payload } = job;
  return createHash('sha256').update(canonicalJson(payload)).digest('hex');
}
