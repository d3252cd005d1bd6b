// The folder of one program: its executable, its inputs, what it writes. Watches how much it holds, because the kernel has
// no quota for a plain folder, and collects the declared outputs afterwards without following a link out of it.
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, open, opendir, readFile, realpath, rename } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { type BlobRef, type Digest, limits, UdcsError } from '@udcs/protocol';
import type { TaskOutput } from '@udcs/tasks';
import { blobOf, fileNameOf } from '../host/executor-host.ts';

/** More files than this is a way to fill a disk with nothing in them. */
const FILES_MAX = 100_000;

/**
 * Copies an executable and proves that the copy has its digest, so that what is executed is what was checked.
 * @throws UdcsError WRONG_DIGEST
 */
export async function placeExecutable(from: string, to: string, digest: Digest): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL);
  const actual = await digestOfFile(to);
  if (actual !== digest) throw new UdcsError('WRONG_DIGEST', `the executable has the digest ${actual}, the job names ${digest}; it was not started`);
  await chmod(to, 0o555);
}

export async function placeFile(folder: string, path: string, from: string): Promise<void> {
  const to = join(folder, path);
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, 0o644);
}

async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

/** Bytes and files under a folder; links are not followed. What vanishes meanwhile counts nothing. */
async function measure(folder: string): Promise<{ bytes: number; files: number }> {
  const total = { bytes: 0, files: 0 };
  const walk = async (path: string): Promise<void> => {
    const entries = await opendir(path).catch(() => null);
    if (entries === null) return;
    for await (const entry of entries) {
      total.files += 1;
      if (total.files > FILES_MAX) return;
      const full = join(path, entry.name);
      if (entry.isDirectory()) await walk(full);
      else
        total.bytes += await lstat(full).then(
          (stat) => stat.blocks * 512,
          () => 0,
        );
    }
  };
  await walk(folder);
  return total;
}

/** Why the folder is over its limit, or null. */
export async function overQuota(folder: string, diskBytes: number): Promise<string | null> {
  const { bytes, files } = await measure(folder);
  if (bytes > diskBytes) return `wrote more than resources.diskBytes (${diskBytes} bytes)`;
  return files > FILES_MAX ? `made more than ${FILES_MAX} files` : null;
}

/**
 * Takes one declared output; null when the program did not make it. Larger than inline, it is moved to `keepDir` under its digest.
 * @throws UdcsError OUTPUT_LIMIT over its maxBytes, OUTPUT_MISSING when it is not a plain file inside the folder
 */
export async function collectOutput(folder: string, output: TaskOutput, keepDir: string): Promise<BlobRef | null> {
  const path = join(folder, output.path);
  const stat = await lstat(path).catch(() => null);
  if (stat === null) return null;
  const inside = await realpath(dirname(path)).catch(() => '');
  const root = await realpath(folder);
  if (!stat.isFile() || (inside !== root && !inside.startsWith(root + sep))) {
    throw new UdcsError('OUTPUT_MISSING', `output "${output.name}" (${output.path}) is not a plain file inside the task's folder`);
  }
  if (stat.size > output.maxBytes)
    throw new UdcsError('OUTPUT_LIMIT', `output "${output.name}" has ${stat.size} bytes, its maxBytes is ${output.maxBytes}`, {
      hint: 'raise maxBytes of the output',
    });
  return keepFile(path, stat.size, keepDir);
}

export async function keepFile(path: string, sizeBytes: number, keepDir: string): Promise<BlobRef> {
  if (sizeBytes <= limits.inlineOutputBytes) return blobOf(await readFile(path));
  const digest = await digestOfFile(path);
  await chmod(path, 0o600);
  await mkdir(keepDir, { recursive: true, mode: 0o700 });
  await rename(path, join(keepDir, fileNameOf(digest)));
  return { digest, sizeBytes };
}

/** Appends to a file up to a number of bytes. */
export class CappedFile {
  bytes = 0;
  readonly path: string;
  readonly #maxBytes: number;
  #tail: Promise<void>;
  #handle: Awaited<ReturnType<typeof open>> | null = null;

  constructor(path: string, maxBytes: number) {
    this.path = path;
    this.#maxBytes = maxBytes;
    this.#tail = open(path, 'wx', 0o600).then((handle) => {
      this.#handle = handle;
    });
  }

  /** False when this would be over the cap; then nothing is written. Resolve order is call order. */
  write(chunk: Buffer): boolean {
    if (this.bytes + chunk.length > this.#maxBytes) return false;
    this.bytes += chunk.length;
    this.#tail = this.#tail.then(async () => {
      await this.#handle?.appendFile(chunk);
    });
    return true;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#handle?.close();
    this.#handle = null;
  }
}
