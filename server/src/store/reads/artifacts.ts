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

/** Who asks: an owner, or an attempt's job, which may read what that job names and what its upstream jobs made. */
export type ArtifactReader = { readonly owner: string; readonly job?: string | undefined };

/** The artifact if the reader may read it, else null: not there and not yours look the same. */
export async function findArtifact(db: ReadDatabase, input: ArtifactReader & { readonly digest: Digest }): Promise<ArtifactRow | null> {
  const { digest, owner } = input;
  if (!(await mayRead(db, input))) return null;
  const [stored] = await db
    .select()
    .from(artifact)
    .innerJoin(artifactHolder, and(eq(artifactHolder.digest, artifact.digest), eq(artifactHolder.owner, owner)))
    .where(eq(artifact.digest, digest));
  if (stored !== undefined) return { digest, sizeBytes: stored.artifact.sizeBytes, mediaType: stored.artifact.mediaType, base64: null };
  const [inline] = await db
    .select({ sizeBytes: inlineBlob.sizeBytes, base64: inlineBlob.base64 })
    .from(inlineBlob)
    .where(
      and(
        eq(inlineBlob.digest, digest),
        sql`exists (select 1 from ${artifactRef} where ${artifactRef.digest} = ${digest} and ${artifactRef.owner} = ${owner})`,
      ),
    );
  return inline === undefined ? null : { digest, mediaType: 'application/octet-stream', ...inline };
}

async function mayRead(db: ReadDatabase, { digest, owner, job }: ArtifactReader & { readonly digest: Digest }): Promise<boolean> {
  if (job === undefined) return true; // findArtifact itself asks whether the owner holds it
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
