// Tokens, invites and hosts of the store as the API asks for them.
import { hostIdOf, type WorkerKeys } from '../../shell/index.ts';
import type { AccessStore, StoreReader } from '../../store/index.ts';
import { hashSecret } from '../auth/secrets.ts';
import type { InviteRow, Keys, PageOf, PageQuery } from '../ports.ts';

const DEFAULT_PAGE = 100;

export function keysOf(access: AccessStore, reader: Pick<StoreReader, 'listTokens' | 'listInvites'>): Keys {
  return {
    tokenByHash: async (hash) => access.findToken(hash),
    addToken: async (row) => void (await access.createToken(row)),
    tokens: async (query) => pageOf(await reader.listTokens({ owner: null }), query),
    revokeToken: (id, atMs) => access.revokeToken(id, atMs, null),
    touchToken: (hash, atMs) => access.touchToken(hash, atMs),
    findInvite: (codeHash, nowMs) => access.findInvite(codeHash, nowMs),
    addInvite: async (row: InviteRow & { readonly codeHash: string }) => void (await access.createInvite(row)),
    useInvite: async (codeHash, nowMs) => (await access.useInvite(codeHash, nowMs)) !== null,
    invites: async (query) => pageOf(await reader.listInvites({ owner: null }), query),
    revokeInvite: (id, atMs) => access.revokeInvite(id, atMs, null),
    revokeHosts: (invite, atMs) => access.revokeHosts({ invite }, atMs),
    putHost: async (row) => void (await access.joinHost({ ...row, id: hostIdOf(row.hostKey) })),
  };
}

/** What the gateway asks when a worker says hello. */
export const workerKeysOf = (access: AccessStore): WorkerKeys => ({
  lookup: async (key) => access.findHost(hashSecret(key)),
});

/** The store answers these short lists whole; the cursor is the last id shown. */
function pageOf<T extends { readonly id: string }>(all: readonly T[], query: PageQuery): PageOf<T> {
  const start = query.cursor === undefined ? 0 : all.findIndex((item) => item.id === query.cursor) + 1;
  const limit = query.limit ?? DEFAULT_PAGE;
  const items = all.slice(start, start + limit);
  return { items, nextCursor: start + limit < all.length ? (items.at(-1)?.id ?? null) : null };
}
