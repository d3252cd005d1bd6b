// The task's own little file system, in memory, behind the WASI shim's interfaces. Files grow by doubling and are charged to
// one quota; inode numbers come from the task, so that stat gives the same on every worker.
import { Directory, Fd, File, type Inode, type OpenFile, PreopenDirectory, wasi } from '@bjorn3/browser_wasi_shim';
import { UdcsError } from '@udcs/protocol';

const MAX_FILES = 100_000;

/** What all files of one task share. */
export class Quota {
  readonly limitBytes: number;
  usedBytes = 0;
  /** True once a write was refused for lack of room. */
  wasFull = false;
  private inodes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes) {
      this.wasFull = true;
      return false;
    }
    this.usedBytes += bytes;
    return true;
  }

  nextInode(): bigint {
    this.inodes += 1;
    return BigInt(this.inodes + 1);
  }

  get hasFilesLeft(): boolean {
    if (this.inodes < MAX_FILES) return true;
    this.wasFull = true;
    return false;
  }
}

/** A file whose bytes may be shared with the input they came from until the first write. */
class TaskFile extends File {
  private readonly quota: Quota;
  private buffer: Uint8Array;
  private length: number;
  private isShared: boolean;

  constructor(quota: Quota, content: Uint8Array | null = null) {
    super(new ArrayBuffer(0));
    this.quota = quota;
    this.ino = quota.nextInode();
    this.buffer = content ?? new Uint8Array(0);
    this.length = this.buffer.length;
    this.isShared = content !== null;
  }

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  override get size(): bigint {
    return BigInt(this.length);
  }

  override stat(): wasi.Filestat {
    return new wasi.Filestat(this.ino, wasi.FILETYPE_REGULAR_FILE, this.size);
  }

  override path_open(oflags: number, _rights: bigint, fdFlags: number): { ret: number; fd_obj: OpenFile } {
    if ((oflags & wasi.OFLAGS_TRUNC) !== 0) this.resize(0);
    const opened: Fd = new OpenTaskFile(this, (fdFlags & wasi.FDFLAGS_APPEND) !== 0);
    // The shim only ever calls Fd's methods on what it gets here; its own type says OpenFile because its File makes one.
    return { ret: wasi.ERRNO_SUCCESS, fd_obj: opened as OpenFile };
  }

  /** Makes the file `length` bytes long, zero-filled. False = over the quota. */
  resize(length: number): boolean {
    if (length > this.length && !this.quota.take(length - this.length)) return false;
    if (length < this.length && !this.isShared) this.quota.usedBytes -= this.length - length;
    if (length > this.buffer.length || this.isShared) {
      const grown = allocate(Math.max(length, Math.min(this.length * 2, this.length + 64 * 1024 * 1024)));
      if (grown === null) return false;
      grown.set(this.buffer.subarray(0, Math.min(this.length, length)));
      if (this.isShared) this.quota.usedBytes += Math.min(this.length, length);
      this.buffer = grown;
      this.isShared = false;
    } else if (length < this.length) this.buffer.fill(0, length, this.length);
    this.length = length;
    return true;
  }

  write(at: number, data: Uint8Array): boolean {
    const end = at + data.length;
    if ((end > this.length || this.isShared) && !this.resize(Math.max(end, this.length))) return false;
    this.buffer.set(data, at);
    return true;
  }
}

function allocate(bytes: number): Uint8Array | null {
  try {
    return new Uint8Array(bytes);
  } catch {
    return null; // past what this engine can hold in one array: the guest sees a full disk
  }
}

class OpenTaskFile extends Fd {
  private readonly file: TaskFile;
  private readonly appends: boolean;
  private at = 0;

  constructor(file: TaskFile, appends: boolean) {
    super();
    this.file = file;
    this.appends = appends;
  }

  override fd_fdstat_get(): { ret: number; fdstat: wasi.Fdstat } {
    return { ret: wasi.ERRNO_SUCCESS, fdstat: new wasi.Fdstat(wasi.FILETYPE_REGULAR_FILE, this.appends ? wasi.FDFLAGS_APPEND : 0) };
  }

  override fd_filestat_get(): { ret: number; filestat: wasi.Filestat } {
    return { ret: wasi.ERRNO_SUCCESS, filestat: this.file.stat() };
  }

  override fd_allocate(offset: bigint, length: bigint): number {
    const end = offset + length;
    if (end <= this.file.size) return wasi.ERRNO_SUCCESS;
    return this.fd_filestat_set_size(end);
  }

  override fd_filestat_set_size(size: bigint): number {
    return size <= BigInt(Number.MAX_SAFE_INTEGER) && this.file.resize(Number(size)) ? wasi.ERRNO_SUCCESS : wasi.ERRNO_NOSPC;
  }

  override fd_read(size: number): { ret: number; data: Uint8Array } {
    const data = this.file.bytes.subarray(this.at, this.at + size);
    this.at += data.length;
    return { ret: wasi.ERRNO_SUCCESS, data };
  }

  override fd_pread(size: number, offset: bigint): { ret: number; data: Uint8Array } {
    const from = Number(offset);
    return { ret: wasi.ERRNO_SUCCESS, data: this.file.bytes.subarray(from, from + size) };
  }

  override fd_write(data: Uint8Array): { ret: number; nwritten: number } {
    if (this.appends) this.at = Number(this.file.size);
    const written = this.fd_pwrite(data, BigInt(this.at));
    this.at += written.nwritten;
    return written;
  }

  override fd_pwrite(data: Uint8Array, offset: bigint): { ret: number; nwritten: number } {
    if (!this.file.write(Number(offset), data)) return { ret: wasi.ERRNO_NOSPC, nwritten: 0 };
    return { ret: wasi.ERRNO_SUCCESS, nwritten: data.length };
  }

  override fd_seek(offset: bigint, whence: number): { ret: number; offset: bigint } {
    const base = whence === wasi.WHENCE_SET ? 0n : whence === wasi.WHENCE_CUR ? BigInt(this.at) : whence === wasi.WHENCE_END ? this.file.size : null;
    if (base === null || base + offset < 0n || base + offset > BigInt(Number.MAX_SAFE_INTEGER)) return { ret: wasi.ERRNO_INVAL, offset: 0n };
    this.at = Number(base + offset);
    return { ret: wasi.ERRNO_SUCCESS, offset: base + offset };
  }

  override fd_tell(): { ret: number; offset: bigint } {
    return { ret: wasi.ERRNO_SUCCESS, offset: BigInt(this.at) };
  }
}

export class TaskDirectory extends Directory {
  private readonly quota: Quota;

  constructor(quota: Quota) {
    super(new Map());
    this.quota = quota;
    this.ino = quota.nextInode();
  }

  /** The shim's own version would make files outside the quota. */
  override create_entry_for_path(path: string, isDirectory: boolean): { ret: number; entry: Inode | null } {
    const parts = partsOf(path);
    const name = parts?.pop();
    if (parts === null || name === undefined) return { ret: wasi.ERRNO_INVAL, entry: null };
    const parent = this.walk(parts);
    if (parent === null) return { ret: wasi.ERRNO_NOENT, entry: null };
    if (parent.contents.has(name)) return { ret: wasi.ERRNO_EXIST, entry: null };
    if (!this.quota.hasFilesLeft) return { ret: wasi.ERRNO_NOSPC, entry: null };
    const entry = isDirectory ? new TaskDirectory(this.quota) : new TaskFile(this.quota);
    parent.contents.set(name, entry);
    return { ret: wasi.ERRNO_SUCCESS, entry };
  }

  private walk(parts: readonly string[]): Directory | null {
    let here: Directory = this;
    for (const part of parts) {
      const next = here.contents.get(part);
      if (!(next instanceof Directory)) return null;
      here = next;
    }
    return here;
  }

  /** Puts an input file in place; makes the folders above it. */
  place(path: string, content: Uint8Array): void {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    const parent = this.makeFolders(parts, path);
    if (parent.contents.get(name) instanceof Directory) throw new UdcsError('INVALID_INPUT', `input path "${path}" is a folder of another input or output`);
    parent.contents.set(name, new TaskFile(this.quota, content));
  }

  makeFolders(parts: readonly string[], forPath: string): Directory {
    let here: Directory = this;
    for (const part of parts) {
      const next = here.contents.get(part) ?? new TaskDirectory(this.quota);
      if (!(next instanceof Directory))
        throw new UdcsError('INVALID_INPUT', `path "${forPath}" needs "${part}" to be a folder, but an input file has that name`);
      here.contents.set(part, next);
      here = next;
    }
    return here;
  }

  /** Bytes of the file at `path`, or null. */
  find(path: string): Uint8Array | null {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    const found = this.walk(parts)?.contents.get(name);
    return found instanceof TaskFile ? found.bytes : null;
  }
}

function partsOf(path: string): string[] | null {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts;
}

export function preopened(name: string, root: TaskDirectory): PreopenDirectory {
  const opened = new PreopenDirectory(name, new Map());
  opened.dir = root;
  return opened;
}

export const openForReading = (quota: Quota, bytes: Uint8Array): Fd => new OpenTaskFile(new TaskFile(quota, bytes), false);
