// Grants: a keyed digest over (worker, instance, attempts) that goes out with every assignment frame. A worker that comes
// back after a restart of the coordinator shows it, and what it holds is adopted without a row ever having been written.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type AttemptRef, type Grant, grantText, type HostId, makeId, type WorkerId } from '@udcs/protocol';

export interface Grants {
  mac(worker: WorkerId, instance: string, attempts: readonly AttemptRef[]): string;
  /** Compares in constant time. */
  verify(worker: WorkerId, instance: string, grant: Grant): boolean;
}

/** @param key at least 32 random bytes, persisted by the store: grants outlive the process */
export function hmacGrants(key: Uint8Array): Grants {
  const digest = (worker: WorkerId, instance: string, attempts: readonly AttemptRef[]): Buffer =>
    createHmac('sha256', key)
      .update(grantText(worker, instance, attempts))
      .digest();
  return {
    mac: (worker, instance, attempts) => digest(worker, instance, attempts).toString('base64url'),
    verify(worker, instance, grant) {
      const shown = Buffer.from(grant.mac, 'base64url');
      const wanted = digest(worker, instance, grant.attempts);
      return shown.length === wanted.length && timingSafeEqual(shown, wanted);
    },
  };
}

/** Splits what a worker says it holds into what its grants prove and what they do not. */
export function proven<T extends AttemptRef>(
  grants: Grants,
  worker: WorkerId,
  instance: string,
  holding: readonly T[],
  shown: readonly Grant[],
): { held: T[]; unproven: T[] } {
  const good = new Set<string>();
  if (holding.length > 0)
    for (const grant of shown) if (grants.verify(worker, instance, grant)) for (const attempt of grant.attempts) good.add(attemptKey(attempt));
  return { held: holding.filter((ref) => good.has(attemptKey(ref))), unproven: holding.filter((ref) => !good.has(attemptKey(ref))) };
}

export const attemptKey = (ref: AttemptRef): string => `${ref.task}/${ref.epoch}/${ref.attempt}`;

// Ids of hosts and workers are derived, not drawn: after a restart of the coordinator the same start of the same worker
// must have the same id, or its grants would not verify.
const derived = (...parts: string[]): Uint8Array => createHash('sha256').update(parts.join('\n')).digest();

export const hostIdOf = (hostKey: string): HostId => makeId('hst', 0, derived('host', hostKey));
export const workerIdOf = (hostKey: string, instance: string): WorkerId => makeId('wkr', 0, derived('worker', hostKey, instance));

/** The /24 or /48 a remote address lies in, for spread and limits; never shown. */
export function networkOf(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  if (/^\d+\.\d+\.\d+\.\d+$/.test(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = (plain.split('%')[0] ?? plain).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return `${[...before, ...zeros, ...after]
    .slice(0, 3)
    .map((part) => part.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/48`;
}
