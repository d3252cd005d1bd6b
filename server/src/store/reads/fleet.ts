// Reads about workers that were ever seen, tokens and invites.
import type { InviteView, TokenView, WorkerView } from '@udcs/protocol';
import { and, desc, eq, inArray, ne, sql } from 'drizzle-orm';
import { invite, token, worker } from '../schema.ts';
import type { ReadDatabase } from './database.ts';
import type { Page } from './jobs.ts';
import { workerView } from './views.ts';

/** Last seen first. */
export async function listWorkers(db: ReadDatabase, input: { readonly cursor?: string | undefined; readonly limit: number }): Promise<Page<WorkerView>> {
  const [atMs, id] = input.cursor?.split('/') ?? [];
  const rows = await db
    .select()
    .from(worker)
    .where(atMs === undefined || id === undefined ? undefined : sql`(${worker.lastSeenAtMs}, ${worker.id}) < (${Number(atMs)}, ${id})`)
    .orderBy(desc(worker.lastSeenAtMs), desc(worker.id))
    .limit(input.limit + 1);
  const page = rows.slice(0, input.limit);
  const last = page.at(-1);
  return { items: page.map(workerView), nextCursor: rows.length > input.limit && last !== undefined ? `${last.lastSeenAtMs}/${last.id}` : null };
}

export async function getWorkers(db: ReadDatabase, input: { readonly ids: readonly string[] }): Promise<WorkerView[]> {
  return (
    await db
      .select()
      .from(worker)
      .where(inArray(worker.id, [...input.ids]))
  ).map(workerView);
}

export async function listTokens(db: ReadDatabase, input: { readonly owner: string | null }): Promise<TokenView[]> {
  const { hash: _hash, ...shown } = {
    id: token.id,
    hash: token.hash,
    prefix: token.prefix,
    name: token.name,
    owner: token.owner,
    scopes: token.scopes,
    createdAtMs: token.createdAtMs,
    expiresAtMs: token.expiresAtMs,
    lastUsedAtMs: token.lastUsedAtMs,
    revokedAtMs: token.revokedAtMs,
  };
  return db
    .select(shown)
    .from(token)
    .where(input.owner === null ? undefined : eq(token.owner, input.owner))
    .orderBy(desc(token.id));
}

export async function listInvites(db: ReadDatabase, input: { readonly owner: string | null }): Promise<InviteView[]> {
  const rows = await db
    .select()
    .from(invite)
    .where(and(ne(invite.kind, 'login'), input.owner === null ? undefined : eq(invite.owner, input.owner)))
    .orderBy(desc(invite.createdAtMs), desc(invite.id));
  return rows.flatMap(({ kind, id, owner, usesLeft, joined, createdAtMs, expiresAtMs, revokedAtMs }) =>
    kind === 'login' ? [] : [{ id, kind, owner, usesLeft, joined, createdAtMs, expiresAtMs, revokedAtMs }],
  );
}
