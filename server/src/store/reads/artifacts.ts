// Reads about artifacts: who may read which bytes, how much an owner stores, what can be collected.
import type { Digest } from '@udcs/protocol';
import { and, asc, eq, gt, sql } from 'drizzle-orm';
import { artifact, artifactHolder, artifactRef, inlineBlob } from '../schema.ts';
import type { ReadDatabase } from './database.ts';

export interface ArtifactRow {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** Set when the bytes are kept in the database instead of the artifact store. */
  readonly base64: string | null;
}

/** Who asks: an owner (null = an admin, who may read all), or an attempt's job, which may read what that job names and what its upstream jobs made. */
export type ArtifactReader = { readonly owner: string | null; readonly job?: string | undefined };

/** The artifact if the reader may read it, else null: not there and not yours look the same. */
export async function findArtifact(db: ReadDatabase, input: ArtifactReader & { readonly digest: Digest }): Promise<ArtifactRow | null> {
  const { digest, owner } = input;
  if (!(await mayRead(db, input))) return null;
  const isHeld = owner === null ? undefined : sql`exists (select 1 from artifact_holder h where h.digest = ${digest} and h.owner = ${owner})`;
  const [stored] = await db
    .select()
    .from(artifact)
    .where(and(eq(artifact.digest, digest), isHeld));
  if (stored !== undefined) return { digest, sizeBytes: stored.sizeBytes, mediaType: stored.mediaType, base64: null };
  const isNamed = owner === null ? undefined : sql`exists (select 1 from artifact_ref r where r.digest = ${digest} and r.owner = ${owner})`;
  const [inline] = await db
    .select({ sizeBytes: inlineBlob.sizeBytes, base64: inlineBlob.base64 })
    .from(inlineBlob)
    .where(and(eq(inlineBlob.digest, digest), isNamed));
  return inline === undefined ? null : { digest, mediaType: 'application/octet-stream', ...inline };
}

async function mayRead(db: ReadDatabase, { digest, owner, job }: ArtifactReader & { readonly digest: Digest }): Promise<boolean> {
  if (job === undefined || owner === null) return true; // findArtifact itself asks whether the owner holds it
  const [found] = await db
    .select({ one: sql<number>`1` })
    .from(artifactRef)
    .where(
      and(
        eq(artifactRef.digest, digest),
        eq(artifactRef.owner, owner),
        sql`(${artifactRef.job} = ${job} or ${artifactRef.job} in (select u.value from job j, json_each(j.upstream) u where j.id = ${job}))`,
        // Of its own job an attempt reads what the submitter named, never what another task or replica of it made.
        sql`(${artifactRef.job} <> ${job} or ${artifactRef.made} = 0)`,
      ),
    )
    .limit(1);
  return found !== undefined;
}

/** Sizes of those of the digests that the owner may read; `inline` = kept in the database. */
export async function getSizes(
  db: ReadDatabase,
  input: { readonly owner: string; readonly digests: readonly Digest[] },
): Promise<{ readonly digest: Digest; readonly sizeBytes: number; readonly inline: boolean }[]> {
  const rows = await db.all<[Digest, number, number]>(sql`
    select f.value, h.size_bytes, 0 from json_each(${JSON.stringify(input.digests)}) f
    cross join artifact_holder h on h.owner = ${input.owner} and h.digest = f.value
    union all
    select f.value, b.size_bytes, 1 from json_each(${JSON.stringify(input.digests)}) f cross join inline_blob b on b.digest = f.value
    where exists (select 1 from artifact_ref r where r.digest = f.value and r.owner = ${input.owner})
      and not exists (select 1 from artifact_holder h where h.owner = ${input.owner} and h.digest = f.value)`);
  return rows.map(([digest, sizeBytes, inline]) => ({ digest, sizeBytes, inline: inline === 1 }));
}

/** Of the given digests those that nobody has uploaded: their bytes are not in the artifact store. */
export async function findUnstored(db: ReadDatabase, input: { readonly digests: readonly Digest[] }): Promise<Digest[]> {
  const rows = await db.all<[Digest]>(
    sql`select f.value from json_each(${JSON.stringify(input.digests)}) f where not exists (select 1 from artifact a where a.digest = f.value)`,
  );
  return rows.map((row) => row[0]);
}

/** Of the given digests those that the owner can not read. */
export async function findMissing(db: ReadDatabase, input: { readonly owner: string; readonly digests: readonly Digest[] }): Promise<Digest[]> {
  const held = await db.all<[string]>(sql`
    select f.value from json_each(${JSON.stringify(input.digests)}) f
    where exists (select 1 from ${artifactHolder} h where h.owner = ${input.owner} and h.digest = f.value)
      or (exists (select 1 from ${artifactRef} r where r.digest = f.value and r.owner = ${input.owner}) and exists (select 1 from ${inlineBlob} b where b.digest = f.value))`);
  const known = new Set(held.map((row) => row[0]));
  return [...new Set(input.digests)].filter((digest) => !known.has(digest));
}

export async function listArtifacts(
  db: ReadDatabase,
  input: { readonly owner: string; readonly cursor?: string | undefined; readonly limit: number },
): Promise<{ readonly items: { readonly digest: Digest; readonly sizeBytes: number; readonly createdAtMs: number }[]; readonly nextCursor: string | null }> {
  const rows = await db
    .select()
    .from(artifactHolder)
    .where(and(eq(artifactHolder.owner, input.owner), input.cursor === undefined ? undefined : gt(artifactHolder.digest, input.cursor)))
    .orderBy(asc(artifactHolder.digest))
    .limit(input.limit + 1);
  const items = rows.slice(0, input.limit).map((row) => ({ digest: row.digest as Digest, sizeBytes: row.sizeBytes, createdAtMs: row.heldSinceMs }));
  return { items, nextCursor: rows.length > input.limit ? (items.at(-1)?.digest ?? null) : null };
}

/** Bytes each owner holds. */
export async function getUsage(db: ReadDatabase, _input: Record<string, never>): Promise<{ readonly owner: string; readonly usedBytes: number }[]> {
  return db
    .select({ owner: artifactHolder.owner, usedBytes: sql<number>`sum(${artifactHolder.sizeBytes})` })
    .from(artifactHolder)
    .groupBy(artifactHolder.owner);
}
