// Who this browser profile is: a key pair whose private half can not leave the browser, and the worker key a coordinator gave
// for it. No account, no name: a donor is the hash of a public key.
import { type ErrorRecord, isErrorCode, toUdcsError, UdcsError } from '@udcs/protocol';
import { backoffMs } from './backoff.ts';
import type { Database } from './database.ts';

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;

export interface Identity {
  readonly pair: CryptoKeyPair;
  /** base64url of the raw public key. */
  readonly publicKey: string;
  /** hex SHA-256 of the raw public key. */
  readonly hostKey: string;
}

const toBase64Url = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');

export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export async function loadIdentity(database: Database): Promise<Identity> {
  const stored = await database.get<CryptoKeyPair>('settings', 'identity');
  const pair = stored ?? (await database.putNew('settings', 'identity', await crypto.subtle.generateKey(CURVE, false, ['sign', 'verify'])));
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return { pair, publicKey: toBase64Url(raw), hostKey: toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', raw))) };
}

const keyName = (coordinatorUrl: string): string => `worker-key ${coordinatorUrl}`;

export const dropWorkerKey = (database: Database, coordinatorUrl: string): Promise<void> => database.delete('settings', keyName(coordinatorUrl));

const JOIN_BACKOFF = { firstMs: 1_000, mostMs: 30_000 };

export interface JoinParts {
  readonly database: Database;
  readonly identity: Identity;
  readonly coordinatorUrl: string;
  readonly code: string | null;
  readonly name: string;
}

/**
 * Joins, trying again as long as the coordinator is only away or busy.
 * @param waiting told of each such failure; returns whether to go on. Without it the answer is null.
 */
export async function joinPatiently(parts: JoinParts, waiting: (error: UdcsError) => boolean): Promise<string | null> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await workerKey(parts);
    } catch (thrown) {
      const error = toUdcsError(thrown);
      if (error.code !== 'UNREACHABLE' && error.code !== 'OVERLOADED' && error.code !== 'RATE_LIMITED') throw error;
      if (!waiting(error)) return null;
      await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, JOIN_BACKOFF, Math.random())));
    }
  }
}

/**
 * The worker key for this coordinator: the stored one, or the invite's code exchanged for a new one.
 * @throws UdcsError UNAUTHENTICATED without a key and without a code, or what the coordinator answered
 */
async function workerKey({ database, identity, coordinatorUrl, code, name }: JoinParts): Promise<string> {
  const stored = await database.get<string>('settings', keyName(coordinatorUrl));
  if (stored !== undefined) return stored;
  if (code === null || code === '') {
    throw new UdcsError('UNAUTHENTICATED', 'This page was opened without an invite.', { hint: 'open the donate link again, with everything after the #' });
  }
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, identity.pair.privateKey, new TextEncoder().encode(code));
  const body = { code, kind: 'browser', name, publicKey: identity.publicKey, signature: toBase64Url(new Uint8Array(signature)) };
  let response: Response;
  try {
    response = await fetch(`${coordinatorUrl}/api/v1/join`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  } catch (cause) {
    throw new UdcsError('UNREACHABLE', 'The coordinator can not be reached.', { cause });
  }
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw errorOf(answer, response.status);
  const key = (answer as { key?: unknown } | null)?.key;
  if (typeof key !== 'string') throw new UdcsError('INTERNAL', 'The coordinator answered the invite with something unknown.');
  await database.put('settings', keyName(coordinatorUrl), key);
  return key;
}

function errorOf(answer: unknown, status: number): UdcsError {
  const record = (answer as { error?: Partial<ErrorRecord> } | null)?.error;
  if (isErrorCode(record?.code) && typeof record.message === 'string') return UdcsError.from({ ...record, code: record.code, message: record.message });
  return new UdcsError(status >= 500 || status === 429 ? 'OVERLOADED' : 'FORBIDDEN', `The coordinator refused the invite (HTTP ${status}).`);
}
