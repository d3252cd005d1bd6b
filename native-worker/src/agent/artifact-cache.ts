// Artifacts on disk by digest, the least recently used ones dropped past a number of bytes. What is in here was hashed when it
// came; files are read-only. It reports what it holds, so that work goes where its bytes are.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptRef, Digest } from '@udcs/protocol';
import type { Transfer } from './transfer.ts';

interface Held {
  readonly sizeBytes: number;
}

export class ArtifactCache {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #onChange: (added: readonly Digest[], dropped: readonly Digest[]) => void;
  /** Least recently used first: a Map keeps the order of insertion. */
  readonly #held = new Map<Digest, Held>();
  readonly #loading = new Map<Digest, Promise<string>>();
  #bytes = 0;
  #temp = 0;

  constructor(folder: string, maxBytes: number, onChange: (added: readonly Digest[], dropped: readonly Digest[]) => void) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#onChange = onChange;
    mkdirSync(join(folder, 'new'), { recursive: true, mode: 0o700 });
    this.#load();
  }

  /** Newest first. */
  digests(): Digest[] {
    return [...this.#held.keys()].reverse();
  }

  /** Path of an artifact's bytes; fetched once, however many ask. */
  async file(digest: Digest, ref: AttemptRef, transfer: Transfer): Promise<string> {
    const held = this.#held.get(digest);
    if (held !== undefined && existsSync(this.#path(digest))) {
      this.#held.delete(digest);
      this.#held.set(digest, held);
      return this.#path(digest);
    }
    const known = this.#loading.get(digest);
    if (known !== undefined) return known;
    const loading = this.#fetch(`/artifacts/${digest}`, digest, ref, transfer)
      .then(() => this.#path(digest))
      .finally(() => this.#loading.delete(digest));
    this.#loading.set(digest, loading);
    return loading;
  }

  async read(digest: Digest, ref: AttemptRef, transfer: Transfer): Promise<Uint8Array> {
    return readFile(await this.file(digest, ref, transfer));
  }

  sizeOf(digest: Digest): number {
    return this.#held.get(digest)?.sizeBytes ?? 0;
  }

  /** An upstream job's output, whose digest is known only when it is here. */
  fetchOutput(path: string, ref: AttemptRef, transfer: Transfer): Promise<Digest> {
    return this.#fetch(path, null, ref, transfer);
  }

  /** Keeps bytes that came inside the job. */
  put(bytes: Uint8Array): Digest {
    const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (!this.#held.has(digest)) {
      const temp = this.#tempPath();
      writeFileSync(temp, bytes, { mode: 0o400 });
      this.#keep(digest, temp, bytes.length);
    }
    return digest;
  }

  async #fetch(path: string, expected: Digest | null, ref: AttemptRef, transfer: Transfer): Promise<Digest> {
    const temp = this.#tempPath();
    const { digest, sizeBytes } = await transfer.download(path, ref, temp, expected);
    await chmod(temp, 0o400);
    this.#keep(digest, temp, sizeBytes);
    return digest;
  }

  #keep(digest: Digest, temp: string, sizeBytes: number): void {
    mkdirSync(join(this.#folder, digest.slice(7, 9)), { recursive: true });
    renameSync(temp, this.#path(digest));
    const before = this.#held.get(digest);
    this.#bytes += sizeBytes - (before?.sizeBytes ?? 0);
    this.#held.delete(digest);
    this.#held.set(digest, { sizeBytes });
    const dropped = this.#evict(digest);
    this.#onChange(before === undefined ? [digest] : [], dropped);
  }

  #evict(keep: Digest): Digest[] {
    const dropped: Digest[] = [];
    for (const [digest, { sizeBytes }] of this.#held) {
      if (this.#bytes <= this.#maxBytes) break;
      if (digest === keep) continue;
      rmSync(this.#path(digest), { force: true });
      this.#held.delete(digest);
      this.#bytes -= sizeBytes;
      dropped.push(digest);
    }
    return dropped;
  }

  #load(): void {
    rmSync(join(this.#folder, 'new'), { recursive: true, force: true });
    mkdirSync(join(this.#folder, 'new'), { mode: 0o700 });
    const found: { digest: Digest; sizeBytes: number; usedAtMs: number }[] = [];
    for (const shard of readdirSync(this.#folder)) {
      if (!/^[0-9a-f]{2}$/.test(shard)) continue;
      for (const name of readdirSync(join(this.#folder, shard))) {
        if (!/^[0-9a-f]{64}$/.test(name)) continue;
        const stat = statSync(join(this.#folder, shard, name));
        found.push({ digest: `sha256:${name}`, sizeBytes: stat.size, usedAtMs: stat.mtimeMs });
      }
    }
    found.sort((a, b) => a.usedAtMs - b.usedAtMs);
    for (const { digest, sizeBytes } of found) {
      this.#held.set(digest, { sizeBytes });
      this.#bytes += sizeBytes;
    }
    this.#evict('sha256:');
  }

  /** Writes the order of use into the files' times, for the next start. */
  close(): void {
    let atSeconds = Date.now() / 1_000 - this.#held.size;
    for (const digest of this.#held.keys()) {
      atSeconds += 1;
      if (existsSync(this.#path(digest))) utimesSync(this.#path(digest), atSeconds, atSeconds);
    }
  }

  #path(digest: Digest): string {
    const name = digest.slice('sha256:'.length);
    return join(this.#folder, name.slice(0, 2), name);
  }

  #tempPath(): string {
    this.#temp += 1;
    return join(this.#folder, 'new', `${process.pid}-${this.#temp}`);
  }
}
