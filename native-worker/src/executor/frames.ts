// Frames between the supervisor and an executor child, over two pipes (child reads fd 3, writes fd 4): u32 length of the
// header, u32 length of the payload, JSON header, payload. The child writes them synchronously, so that logs flow while
// a WASM loop holds its thread.
import type { Attributes, BlobRef, ErrorCode, TaskTypeName } from '@udcs/protocol';
import type { ExecutorResult, ExecutorTask } from '@udcs/tasks';

export const CHILD_READS_FD = 3;
export const CHILD_WRITES_FD = 4;
/** Environment variable that tells a child to end itself when its worker is gone. */
export const WATCH_PARENT = 'UDCS_WATCH_PARENT';

/** Facts a child can not find out inside its sandbox, sent once before anything else. */
export interface ChildSetup {
  readonly attributes: Attributes;
  /** Adapter choice for `Host.gpu`; null when this worker has none. */
  readonly gpu: GpuChoice | null;
  /** Folder with the inputs of this child's attempts, one file per digest, read-only. */
  readonly inDir: string;
  /** Folder for outputs over the inline limit, one file per digest. */
  readonly outDir: string;
}

/** How to reach the WebGPU adapter that was found. */
export interface GpuChoice {
  /** Environment that selects the driver (VK_ICD_FILENAMES for a software driver). */
  readonly env: Readonly<Record<string, string>>;
  readonly software: boolean;
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Folders outside /usr that hold the driver. */
  readonly folders: readonly string[];
}

export type ToChild =
  | { readonly kind: 'setup'; readonly setup: ChildSetup }
  | { readonly kind: 'run'; readonly id: number; readonly type: TaskTypeName; readonly task: ExecutorTask<unknown> }
  | { readonly kind: 'check'; readonly id: number; readonly type: TaskTypeName };

/** What a failed attempt says; the exit code and the signal come from programs. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** An output as it leaves the executor: inline, or as a file of this name in the out folder. */
export type Outputs = Readonly<Record<string, BlobRef>>;

export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'log'; readonly id: number; readonly stream: 'stdout' | 'stderr' | 'udcs' }
  | { readonly kind: 'progress'; readonly id: number; readonly fraction: number; readonly note?: string }
  | { readonly kind: 'done'; readonly id: number; readonly result: ExecutorResult; readonly outputs: Outputs; readonly cpuMs: number }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure; readonly cpuMs: number }
  | { readonly kind: 'checked'; readonly id: number; readonly problem: string | null };

const HEAD_BYTES = 8;
/** No frame is larger: outputs over 64 KiB go through files. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export function encodeFrame(header: ToChild | FromChild, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const frame = Buffer.allocUnsafe(HEAD_BYTES + text.length + payload.length);
  frame.writeUInt32LE(text.length, 0);
  frame.writeUInt32LE(payload.length, 4);
  text.copy(frame, HEAD_BYTES);
  frame.set(payload, HEAD_BYTES + text.length);
  return frame;
}

/** Cuts a byte stream into frames. The header is trusted no further than its reader checks it. */
export class FrameReader<Header> {
  #rest: Buffer = Buffer.alloc(0);
  readonly #onFrame: (header: Header, payload: Buffer) => void;

  constructor(onFrame: (header: Header, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws Error when the stream is no sequence of frames */
  push(chunk: Buffer): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (rest.length >= HEAD_BYTES) {
      const headerEnd = HEAD_BYTES + rest.readUInt32LE(0);
      const end = headerEnd + rest.readUInt32LE(4);
      if (end > MAX_FRAME_BYTES) throw new Error('executor frame is too large');
      if (rest.length < end) break;
      this.#onFrame(JSON.parse(rest.toString('utf8', HEAD_BYTES, headerEnd)) as Header, rest.subarray(headerEnd, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
  }
}
