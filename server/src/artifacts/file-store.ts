// Artifacts as files: parts/ while they arrive, blobs/ab/… once complete. File, then name, then directory are synced before
// anybody is told, so that a row never names bytes a power cut could take.
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { type Digest, UdcsError } from '@udcs/protocol';
import type { ArtifactStore, Upload } from './artifact-store.ts';

/** Written to the file in pieces of about this size, so that small network chunks do not cost a system call each. */
const WRITE_BYTES = 256 * 1024;

const hexOf = (digest: Digest): string => digest.slice('sha256:'.length);
const sizeOf = async (path: string): Promise<number | null> => (await stat(path).catch(() => null))?.size ?? null;

export class FileArtifactStore implements ArtifactStore {
  readonly #root: string;
  /** Parts being written now: a second upload of the same bytes gets a file of its own. */
  readonly #busy = new Set<string>();

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<FileArtifactStore> {
    await mkdir(join(root, 'parts'), { recursive: true, mode: 0o700 });
    await mkdir(join(root, 'blobs'), { recursive: true, mode: 0o700 });
    const store = new FileArtifactStore(root);
    await store.#removeStray();
    return store;
  }

  async write(upload: Upload): Promise<{ readonly sizeBytes: number }> {
    const resumable = this.#partPath(upload.owner, upload.digest);
    const isOwn = !this.#busy.has(resumable);
    if (!isOwn && upload.offset > 0)
      throw new UdcsError('CONFLICT', 'another upload of these bytes is running', { hint: 'wait for it, or send them from the start' });
    const path = isOwn ? resumable : `${resumable}.${randomBytes(6).toString('hex')}.stray`;
    this.#busy.add(path);
    try {
      return await this.#receive(path, upload);
    } catch (thrown) {
      const isBroken = thrown instanceof BrokenOff;
      if (!isOwn || !(isBroken || thrown instanceof Misplaced)) await rm(path, { force: true });
      throw isBroken
        ? new UdcsError('INVALID_INPUT', thrown.message, {
            hint: 'ask HEAD /artifacts/<digest>/upload where to go on, then send the rest',
            cause: thrown.cause,
          })
        : thrown;
    } finally {
      this.#busy.delete(path);
    }
  }

  async receivedBytes(owner: string, digest: Digest): Promise<number> {
    const path = this.#partPath(owner, digest);
    return this.#busy.has(path) ? 0 : ((await sizeOf(path)) ?? 0);
  }

  async has(digest: Digest): Promise<boolean> {
    return (await sizeOf(this.#blobPath(digest))) !== null;
  }

  read(digest: Digest, from: number, bytes: number): Readable {
    if (bytes === 0) return Readable.from([]);
    return createReadStream(this.#blobPath(digest), { start: from, end: from + bytes - 1, highWaterMark: WRITE_BYTES });
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.#blobPath(digest), { force: true });
  }

  async sweepParts(beforeMs: number): Promise<number> {
    let removed = 0;
    for (const name of await readdir(join(this.#root, 'parts'))) {
      const path = join(this.#root, 'parts', name);
      const found = await stat(path).catch(() => null);
      if (found === null || found.mtimeMs >= beforeMs || this.#busy.has(path)) continue;
      await rm(path, { force: true });
      removed += 1;
    }
    return removed;
  }

  async listBefore(prefix: string, beforeMs: number): Promise<Digest[]> {
    const folder = join(this.#root, 'blobs', prefix);
    const found: Digest[] = [];
    for (const name of await readdir(folder).catch(() => [])) {
      const file = await stat(join(folder, name)).catch(() => null);
      if (file !== null && file.mtimeMs < beforeMs) found.push(`sha256:${name}`);
    }
    return found;
  }

  /** Files of uploads that could not be resumed and whose process is gone. */
  async #removeStray(): Promise<void> {
    for (const name of await readdir(join(this.#root, 'parts'))) if (name.endsWith('.stray')) await rm(join(this.#root, 'parts', name), { force: true });
  }

  async #receive(path: string, upload: Upload): Promise<{ readonly sizeBytes: number }> {
    const hash = createHash('sha256');
    const sizeBytes = await this.#append(path, hash, upload);
    if (upload.totalBytes !== null && sizeBytes !== upload.totalBytes) throw new BrokenOff(`${sizeBytes} of ${upload.totalBytes} bytes arrived`);
    const found = `sha256:${hash.digest('hex')}`;
    if (found !== upload.digest)
      throw new UdcsError('WRONG_DIGEST', `the ${sizeBytes} bytes sent have the digest ${found}, not ${upload.digest}`, {
        hint: 'nothing was kept; send them again',
      });
    await upload.inspect?.(path);
    const to = this.#blobPath(upload.digest);
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    await rename(path, to);
    await syncFolder(dirname(to));
    await syncFolder(dirname(dirname(to)));
    return { sizeBytes };
  }

  /** Appends the source behind what is there. The file is synced when all of it arrived. */
  async #append(path: string, hash: Hash, upload: Upload): Promise<number> {
    const file = await open(path, upload.offset > 0 ? 'r+' : 'w', 0o600).catch(() => null);
    const there = file === null ? 0 : (await file.stat()).size;
    if (file === null || there !== upload.offset) {
      await file?.close();
      const hint = 'HEAD /artifacts/<digest>/upload tells how many bytes are here';
      throw new Misplaced('CONFLICT', `${there} bytes of this upload are here, not ${upload.offset}`, { hint });
    }
    try {
      if (upload.offset > 0) for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
      const sizeBytes = await copy(file, hash, upload);
      await file.sync();
      return sizeBytes;
    } finally {
      await file.close();
    }
  }

  #partPath(owner: string, digest: Digest): string {
    const ownerHash = createHash('sha256').update(owner).digest('hex').slice(0, 16);
    return join(this.#root, 'parts', `${ownerHash}-${hexOf(digest)}.part`);
  }

  #blobPath(digest: Digest): string {
    const hex = hexOf(digest);
    return join(this.#root, 'blobs', hex.slice(0, 2), hex);
  }
}

/** The source ended too early: what arrived is kept. */
class BrokenOff extends Error {}

/** The continuation does not fit what is here, which stays for one that does. */
class Misplaced extends UdcsError {}

async function copy(file: FileHandle, hash: Hash, upload: Upload): Promise<number> {
  let position = upload.offset;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    const bytes = waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position);
      done += bytesWritten;
      position += bytesWritten;
    }
  };
  try {
    // The iterator leaves the source alone when it is refused: a request must live on to carry the answer.
    for await (const chunk of upload.source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (position + waitingBytes + chunk.length > upload.maxBytes) throw new Refused(upload.tooLarge());
      hash.update(chunk);
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= WRITE_BYTES) await flush();
    }
    await flush();
  } catch (thrown) {
    if (thrown instanceof Refused) throw thrown.reason;
    if (isDiskError(thrown))
      throw new UdcsError('STORE_UNAVAILABLE', `the artifact can not be written: ${thrown.message}`, {
        hint: 'free disk space on the coordinator',
        cause: thrown,
      });
    await flush();
    throw new BrokenOff(`the upload broke off after ${position} bytes`, { cause: thrown });
  }
  return position;
}

class Refused extends Error {
  readonly reason: Error;
  constructor(reason: Error) {
    super(reason.message);
    this.reason = reason;
  }
}

const isDiskError = (thrown: unknown): thrown is NodeJS.ErrnoException =>
  thrown instanceof Error && 'code' in thrown && ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EFBIG'].includes(String(thrown.code));

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
