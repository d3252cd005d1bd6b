// Artifacts kept between tasks and visits: bytes in the Cache API, their sizes and last use in IndexedDB, least recently used
// out first. A digest names its bytes, so two tabs may share it without talking to each other.
import { type Digest, isDigest } from '@udcs/protocol';
import type { Database } from './database.ts';

const CACHE = 'udcs-artifacts';
/** Hot ones (a module that a thousand tasks use) also stay in memory. */
const MEMORY_BYTES = 64 * 1024 * 1024;
const MEMORY_ENTRY_BYTES = 16 * 1024 * 1024;
const MOST_BYTES = 1024 ** 3;
/** Of what the browser grants this origin. */
const QUOTA_SHARE = 0.25;

interface Entry {
  readonly sizeBytes: number;
  readonly usedAtMs: number;
  /** Of the bytes themselves, where that is not the name: a manifest's joined bytes. */
  readonly content?: Digest;
}

export interface CacheChange {
  readonly added: readonly Digest[];
  readonly dropped: readonly Digest[];
}

const urlOf = (digest: Digest): string => `${location.origin}/worker/artifact-cache/${digest}`;

export class ArtifactCache {
  readonly #database: Database;
  readonly #cache: Cache | null;
  readonly #index: Map<Digest, Entry>;
  readonly #memory = new Map<Digest, Uint8Array>();
  readonly #capacityBytes: number;
  #memoryBytes = 0;

  private constructor(database: Database, cache: Cache | null, index: Map<Digest, Entry>, capacityBytes: number) {
    this.#database = database;
    this.#cache = cache;
    this.#index = index;
    this.#capacityBytes = capacityBytes;
  }

  static async open(database: Database): Promise<ArtifactCache> {
    // Private windows of some browsers have no Cache API; the tab then works from memory alone.
    const cache = await caches.open(CACHE).catch(() => null);
    const entries = await database.entries<Entry>('artifacts');
    const index = new Map(entries.filter((entry): entry is [Digest, Entry] => isDigest(entry[0])));
    const quotaBytes = (await navigator.storage?.estimate?.().catch(() => null))?.quota ?? MOST_BYTES;
    return new ArtifactCache(database, cache, cache === null ? new Map() : index, Math.min(MOST_BYTES, quotaBytes * QUOTA_SHARE));
  }

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const entry of this.#index.values()) sum += entry.sizeBytes;
    return sum;
  }

  /** Newest first. */
  digests(): Digest[] {
    return [...this.#index].sort((a, b) => b[1].usedAtMs - a[1].usedAtMs).map(([digest]) => digest);
  }

  /** The hash that the stored bytes of this artifact must have. */
  contentOf(digest: Digest): Digest {
    return this.#index.get(digest)?.content ?? digest;
  }

  /** Bytes that nobody else holds a reference to; the caller checks their hash. */
  async get(digest: Digest): Promise<Uint8Array | null> {
    const hot = this.#memory.get(digest);
    if (hot !== undefined) {
      this.#memory.delete(digest);
      this.#memory.set(digest, hot);
      return hot;
    }
    if (this.#cache === null || !this.#index.has(digest)) return null;
    const response = await this.#cache.match(urlOf(digest)).catch(() => undefined);
    if (response === undefined) {
      this.#index.delete(digest);
      return null;
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.#remember(digest, bytes);
    await this.#touch(digest, bytes.length, this.contentOf(digest));
    return bytes;
  }

  /** @param content hash of the bytes; another than `digest` for a manifest's joined bytes */
  async put(digest: Digest, bytes: Uint8Array, content: Digest): Promise<CacheChange> {
    this.#remember(digest, bytes);
    if (this.#cache === null || bytes.length > this.#capacityBytes / 2) return { added: [], dropped: [] };
    try {
      await this.#cache.put(urlOf(digest), new Response(bytes as Uint8Array<ArrayBuffer>));
    } catch {
      // Over the browser's quota, which can be smaller than it said: make room and go on without this one.
      return { added: [], dropped: await this.#shrinkTo(this.usedBytes / 2) };
    }
    await this.#touch(digest, bytes.length, content);
    return { added: [digest], dropped: await this.#shrinkTo(this.#capacityBytes) };
  }

  /** A stored copy turned out to be damaged. */
  async remove(digest: Digest): Promise<void> {
    const hot = this.#memory.get(digest);
    if (hot !== undefined) this.#memoryBytes -= hot.length;
    this.#memory.delete(digest);
    this.#index.delete(digest);
    await this.#cache?.delete(urlOf(digest));
    await this.#database.delete('artifacts', digest);
  }

  static async erase(): Promise<void> {
    await caches.delete(CACHE).catch(() => false);
  }

  async #touch(digest: Digest, sizeBytes: number, content: Digest): Promise<void> {
    const entry: Entry = { sizeBytes, usedAtMs: Date.now(), ...(content === digest ? {} : { content }) };
    this.#index.set(digest, entry);
    await this.#database.put('artifacts', digest, entry);
  }

  async #shrinkTo(targetBytes: number): Promise<Digest[]> {
    const dropped: Digest[] = [];
    let usedBytes = this.usedBytes;
    for (const digest of this.digests().reverse()) {
      if (usedBytes <= targetBytes) break;
      usedBytes -= this.#index.get(digest)?.sizeBytes ?? 0;
      await this.remove(digest);
      dropped.push(digest);
    }
    return dropped;
  }

  #remember(digest: Digest, bytes: Uint8Array): void {
    if (bytes.length > MEMORY_ENTRY_BYTES || this.#memory.has(digest)) return;
    this.#memory.set(digest, bytes);
    this.#memoryBytes += bytes.length;
    for (const [oldest, held] of this.#memory) {
      if (this.#memoryBytes <= MEMORY_BYTES) break;
      this.#memory.delete(oldest);
      this.#memoryBytes -= held.length;
    }
  }
}
