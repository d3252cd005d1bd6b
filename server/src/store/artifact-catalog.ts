// The rows about artifacts: who holds which digest, what manifests consist of, how much each owner stores, what nobody needs any
// more. The bytes themselves are the artifact store's (server/src/artifacts).
import type { Digest } from '@udcs/protocol';
import type { StoreReader } from './reader.ts';
import type { ArtifactReader, ArtifactRow } from './reads/artifacts.ts';
import type { WriterQueue } from './writer-queue.ts';

export interface NewArtifact {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
  readonly owner: string;
  readonly atMs: number;
  /** Digests of a manifest's parts. */
  readonly parts: readonly Digest[];
}

export class ArtifactCatalog {
  readonly #writer: WriterQueue;
  readonly #reader: StoreReader;
  readonly #usedBytes = new Map<string, number>();

  private constructor(writer: WriterQueue, reader: StoreReader) {
    this.#writer = writer;
    this.#reader = reader;
  }

  static async open(writer: WriterQueue, reader: StoreReader): Promise<ArtifactCatalog> {
    const catalog = new ArtifactCatalog(writer, reader);
    for (const { owner, usedBytes } of await reader.getUsage({})) catalog.#usedBytes.set(owner, usedBytes);
    return catalog;
  }

  usedBytes(owner: string): number {
    return this.#usedBytes.get(owner) ?? 0;
  }

  /** Records bytes that are already synced to disk. */
  async add(artifact: NewArtifact): Promise<void> {
    const { digest, sizeBytes, mediaType, owner, atMs, parts } = artifact;
    const results = await this.#writer.change([
      {
        sql: 'insert into artifact (digest, size_bytes, media_type, created_at_ms) values (?, ?, ?, ?) on conflict do nothing',
        args: [digest, sizeBytes, mediaType, atMs],
      },
      {
        sql: 'insert into artifact_holder (owner, digest, size_bytes, held_since_ms) values (?, ?, ?, ?) on conflict do nothing',
        args: [owner, digest, sizeBytes, atMs],
      },
      {
        sql: 'insert into manifest_part (manifest, digest) select ?, f.value from json_each(?) f where true on conflict do nothing',
        args: [digest, JSON.stringify([...new Set(parts)])],
      },
    ]);
    if ((results[1]?.rowsAffected ?? 0) > 0) this.#usedBytes.set(owner, this.usedBytes(owner) + sizeBytes);
  }

  /** Of these, what is not stored at all, whoever asks. */
  findUnstored(digests: readonly Digest[]): Promise<Digest[]> {
    return this.#reader.findUnstored({ digests });
  }

  getSizes(owner: string, digests: readonly Digest[]): ReturnType<StoreReader['getSizes']> {
    return this.#reader.getSizes({ owner, digests });
  }

  find(input: ArtifactReader & { readonly digest: Digest }): Promise<ArtifactRow | null> {
    return this.#reader.findArtifact(input);
  }

  /** Of these, what the owner has not got. What it has is kept for another grace period, so that a job may name it. */
  async findMissing(owner: string, digests: readonly Digest[], nowMs: number): Promise<Digest[]> {
    const missing = await this.#reader.findMissing({ owner, digests });
    const gone = new Set(missing);
    const held = digests.filter((digest) => !gone.has(digest));
    if (held.length > 0) {
      await this.#writer.change([
        {
          sql: 'update artifact_holder set held_since_ms = ?1 from json_each(?2) f where owner = ?3 and digest = f.value and held_since_ms < ?1 - ?4',
          args: [nowMs, JSON.stringify(held), owner, TOUCH_AFTER_MS],
        },
      ]);
    }
    return missing;
  }

  /** Lets go of what no job and no manifest of its holder needs and that was held since before `beforeMs`. */
  async dropUnneeded(beforeMs: number, limit: number): Promise<number> {
    const [result] = await this.#writer.change([
      {
        sql: `delete from artifact_holder where (owner, digest) in (
          select h.owner, h.digest from artifact_holder h where h.held_since_ms < ?
            and not exists (select 1 from artifact_ref r where r.digest = h.digest and r.owner = h.owner)
            and not exists (select 1 from manifest_part p join artifact_holder m on m.digest = p.manifest and m.owner = h.owner where p.digest = h.digest)
          limit ?) returning owner, size_bytes`,
        args: [beforeMs, limit],
      },
    ]);
    for (const row of result?.rows ?? []) {
      const owner = String(row['owner']);
      this.#usedBytes.set(owner, Math.max(0, this.usedBytes(owner) - Number(row['size_bytes'])));
    }
    return result?.rows.length ?? 0;
  }

  /** Digests that nobody holds. */
  async unheld(limit: number): Promise<Digest[]> {
    const [result] = await this.#writer.change([
      { sql: 'select digest from artifact a where not exists (select 1 from artifact_holder h where h.digest = a.digest) limit ?', args: [limit] },
    ]);
    return (result?.rows ?? []).map((row) => row['digest'] as Digest);
  }

  /** Forgets a digest unless somebody holds it again. The caller keeps uploads of it away until the file is gone too. */
  async forget(digest: Digest): Promise<boolean> {
    const results = await this.#writer.change([
      { sql: 'delete from artifact where digest = ?1 and not exists (select 1 from artifact_holder h where h.digest = ?1)', args: [digest] },
      { sql: 'delete from manifest_part where manifest = ?1 and not exists (select 1 from artifact a where a.digest = ?1)', args: [digest] },
    ]);
    return (results[0]?.rowsAffected ?? 0) > 0;
  }
}

const TOUCH_AFTER_MS = 3_600_000;
