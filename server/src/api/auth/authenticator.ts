// From a bearer token to a principal. Known tokens are kept in memory by hash; a revoked or expired one is forgotten at once and
// its signal ends open subscriptions and sockets. Failures are limited per address, so that guessing costs no store reads.
import { allows, type Scope, UdcsError } from '@udcs/protocol';
import type { Keys, OwnerFilter, TokenRow } from '../ports.ts';
import { createRateLimit } from '../rate-limits.ts';
import { hashSecret } from './secrets.ts';

export interface Principal {
  readonly tokenId: string;
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** Aborts when the token is revoked or expires. */
  readonly ended: AbortSignal;
}

export interface Authenticator {
  /** @throws UdcsError UNAUTHENTICATED, RATE_LIMITED */
  authenticate(secret: string, address: string): Promise<Principal>;
  /** Ends the token everywhere. false = no such token. */
  revoke(id: string): Promise<boolean>;
  /** Counts a wrong code or key of another kind against the address. */
  failed(address: string): void;
  /** @throws UdcsError RATE_LIMITED when the address failed too often */
  checkAddress(address: string): void;
  close(): void;
}

interface Known {
  readonly principal: Principal;
  readonly ending: AbortController;
  readonly expiresAtMs: number | null;
  readonly timer: NodeJS.Timeout | null;
}

const FAILURES_PER_MINUTE = 10;
const KEPT_TOKENS = 10_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What an owner may see: everything for an admin, only the owner's for others. */
export const ownerFilterOf = (principal: Principal): OwnerFilter => (allows(principal.scopes, 'admin') ? null : principal.owner);

export function createAuthenticator(
  keys: Pick<Keys, 'tokenByHash' | 'revokeToken' | 'touchToken'>,
  clock: { monoMs(): number; wallMs(): number },
): Authenticator {
  const known = new Map<string, Known>();
  const failures = createRateLimit(FAILURES_PER_MINUTE, clock.monoMs);
  const limited = () => new UdcsError('RATE_LIMITED', 'too many failed attempts from this address', { hint: 'wait a minute, then try with a valid token' });

  const forget = (hash: string): void => {
    const entry = known.get(hash);
    if (entry === undefined) return;
    known.delete(hash);
    if (entry.timer !== null) clearTimeout(entry.timer);
    entry.ending.abort();
  };
  const forgetToken = (id: string): void => {
    for (const [hash, entry] of known) if (entry.principal.tokenId === id) forget(hash);
  };
  const remember = (hash: string, row: TokenRow): Principal => {
    forget(hash); // two requests may have looked it up at once
    const ending = new AbortController();
    const principal = { tokenId: row.id, owner: row.owner, scopes: row.scopes, ended: ending.signal };
    const leftMs = row.expiresAtMs === null ? null : row.expiresAtMs - clock.wallMs();
    const timer = leftMs === null ? null : setTimeout(() => forget(hash), Math.min(leftMs, LONGEST_TIMER_MS)).unref();
    known.set(hash, { principal, ending, expiresAtMs: row.expiresAtMs, timer });
    return principal;
  };
  const reject = (address: string, message: string): UdcsError => {
    failures.take(address);
    return new UdcsError('UNAUTHENTICATED', message, { hint: 'make a token with "udcs token create", or log in again' });
  };
  const lookUp = async (hash: string, address: string): Promise<Principal> => {
    if (failures.exceeded(address)) throw limited();
    const row = await keys.tokenByHash(hash);
    if (row === null) throw reject(address, 'this token is not known here, or was revoked');
    if (row.expiresAtMs !== null && row.expiresAtMs <= clock.wallMs()) throw reject(address, 'this token has expired');
    const raced = known.get(hash);
    return raced === undefined ? remember(hash, row) : raced.principal;
  };

  return {
    async authenticate(secret, address) {
      const hash = hashSecret(secret);
      const entry = known.get(hash);
      if (entry?.expiresAtMs != null && entry.expiresAtMs <= clock.wallMs()) forget(hash);
      const principal = known.get(hash)?.principal ?? (await lookUp(hash, address));
      keys.touchToken(hash, clock.wallMs()).catch(() => {}); // for the list of tokens only; a full disk must not lock people out
      if (known.size > KEPT_TOKENS) forgetIdle(known, forget);
      return principal;
    },
    async revoke(id) {
      const found = await keys.revokeToken(id, clock.wallMs());
      forgetToken(id);
      return found;
    },
    failed: (address) => void failures.take(address),
    checkAddress(address) {
      if (failures.exceeded(address)) throw limited();
    },
    close() {
      for (const hash of [...known.keys()]) forget(hash);
    },
  };
}

/** Drops the oldest tenth; an open subscription of such a token ends and is opened again by its client. */
function forgetIdle(known: Map<string, Known>, forget: (hash: string) => void): void {
  for (const hash of [...known.keys()].slice(0, KEPT_TOKENS / 10)) forget(hash);
}

/** The token of an `Authorization: Bearer …` header, or null. */
export function bearerOf(header: string | undefined): string | null {
  const match = /^Bearer ([A-Za-z0-9_-]{8,200})$/i.exec(header?.trim() ?? '');
  return match?.[1] ?? null;
}
