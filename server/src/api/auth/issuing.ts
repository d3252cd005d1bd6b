// Makes tokens and invites: the secret is shown once, the store gets its hash.
import { randomBytes } from 'node:crypto';
import { makeId, type Scope, type TokenView } from '@udcs/protocol';
import type { InviteRow, Keys, TokenRow } from '../ports.ts';
import { hashSecret, mintSecret, SHOWN_CHARACTERS } from './secrets.ts';

export interface Issuing {
  createToken(input: { name: string; owner: string; scopes: readonly Scope[]; expiresInMs: number | null }): Promise<{ token: TokenView; secret: string }>;
  createInvite(input: {
    kind: InviteRow['kind'];
    owner: string | null;
    /** What a login code grants; null for the others. */
    scopes: readonly Scope[] | null;
    uses: number | null;
    expiresInMs: number | null;
  }): Promise<{ invite: InviteRow; code: string }>;
}

const tokenViewOf = (row: TokenRow): TokenView => {
  const { hash: _, ...view } = row;
  return { ...view, scopes: [...view.scopes] };
};

export function createIssuing(keys: Pick<Keys, 'addToken' | 'addInvite'>, wallMs: () => number): Issuing {
  return {
    async createToken({ name, owner, scopes, expiresInMs }) {
      const secret = mintSecret('tok');
      const nowMs = wallMs();
      const row: TokenRow = {
        id: makeId('tok', nowMs, randomBytes(10)),
        hash: hashSecret(secret),
        prefix: secret.slice(0, SHOWN_CHARACTERS),
        name,
        owner,
        scopes: [...new Set(scopes)],
        createdAtMs: nowMs,
        expiresAtMs: expiresInMs === null ? null : nowMs + expiresInMs,
        lastUsedAtMs: null,
        revokedAtMs: null,
      };
      await keys.addToken(row);
      return { token: tokenViewOf(row), secret };
    },
    async createInvite({ kind, owner, scopes, uses, expiresInMs }) {
      const code = mintSecret(kind === 'login' ? 'log' : 'inv');
      const nowMs = wallMs();
      const invite: InviteRow = {
        id: makeId('tok', nowMs, randomBytes(10)),
        kind,
        owner,
        scopes,
        usesLeft: uses,
        joined: 0,
        createdAtMs: nowMs,
        expiresAtMs: expiresInMs === null ? null : nowMs + expiresInMs,
        revokedAtMs: null,
      };
      await keys.addInvite({ ...invite, codeHash: hashSecret(code) });
      return { invite, code };
    },
  };
}
