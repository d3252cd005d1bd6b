// stdout and stderr of a WASI program: live to the log, kept for an output when one asks for them, and bounded either way.
import { Fd, wasi } from '@bjorn3/browser_wasi_shim';
import { UdcsError } from '@udcs/protocol';
import type { Host, TaskOutput } from '../../../kit/executor.ts';

/** A program that writes more than this to a stream nobody keeps is out of hand. */
const UNKEPT_STREAM_BYTES = 64 * 1024 * 1024;

export class StreamFd extends Fd {
  private readonly name: 'stdout' | 'stderr';
  private readonly output: TaskOutput | null;
  private readonly host: Pick<Host, 'log'>;
  private readonly inode: bigint;
  private readonly chunks: Uint8Array[] = [];
  private isBinary = false;
  private writtenBytes = 0;
  /** Set when a limit ended the program; a guest that catches the throw does not get past it. */
  failure: UdcsError | null = null;

  constructor(name: 'stdout' | 'stderr', output: TaskOutput | null, host: Pick<Host, 'log'>, inode: bigint) {
    super();
    this.name = name;
    this.output = output;
    this.host = host;
    this.inode = inode;
  }

  /** Unkept streams look like a terminal, so that C libraries flush them line by line and the log is live. */
  private get fileType(): number {
    return this.output === null ? wasi.FILETYPE_CHARACTER_DEVICE : wasi.FILETYPE_REGULAR_FILE;
  }

  override fd_fdstat_get(): { ret: number; fdstat: wasi.Fdstat } {
    const fdstat = new wasi.Fdstat(this.fileType, 0);
    fdstat.fs_rights_base = BigInt(wasi.RIGHTS_FD_WRITE);
    return { ret: wasi.ERRNO_SUCCESS, fdstat };
  }

  override fd_filestat_get(): { ret: number; filestat: wasi.Filestat } {
    return { ret: wasi.ERRNO_SUCCESS, filestat: new wasi.Filestat(this.inode, this.fileType, 0n) };
  }

  override fd_write(data: Uint8Array): { ret: number; nwritten: number } {
    if (this.failure !== null) throw this.failure;
    this.writtenBytes += data.length;
    const maxBytes = this.output?.maxBytes ?? UNKEPT_STREAM_BYTES;
    if (this.writtenBytes > maxBytes) {
      const what = this.output === null ? `${this.name} (kept by no output)` : `${this.name}, the output "${this.output.name}",`;
      this.failure = new UdcsError('OUTPUT_LIMIT', `the program wrote more than ${maxBytes} bytes to ${what} and was stopped`, {
        hint: this.output === null ? `declare an output with path /dev/${this.name}, or write less` : 'raise maxBytes of the output, or write less',
      });
      throw this.failure;
    }
    if (this.output !== null) this.chunks.push(data);
    this.logLive(data);
    return { ret: wasi.ERRNO_SUCCESS, nwritten: data.length };
  }

  /** A kept stream that turns out to be no text (a compressor's stdout) leaves the log alone from there on. */
  private logLive(data: Uint8Array): void {
    if (this.isBinary) return;
    if (this.output !== null && looksBinary(data)) {
      this.isBinary = true;
      this.host.log('udcs', `${this.name} is binary: it is kept in the output "${this.output.name}" and left out of the log`);
      return;
    }
    this.host.log(this.name, data);
  }

  kept(): Uint8Array {
    const bytes = new Uint8Array(this.chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }
}

/** Control characters that no text file holds (tab, line feed, carriage return, form feed, escape are text). */
function looksBinary(data: Uint8Array): boolean {
  const sample = data.subarray(0, 512);
  return sample.some((byte) => byte < 9 || byte === 11 || (byte > 13 && byte < 27) || (byte > 27 && byte < 32));
}
