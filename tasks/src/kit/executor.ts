// The other half of a task type: the code that runs one attempt on one side. An executor gets everything it may touch
// through `Host`, so it is testable with a fake one and can not reach past the sandbox by accident.
import { type Attributes, type BlobRef, type Digest, type ErrorCode, type IsolationLevel, UdcsError } from '@udcs/protocol';

/** AbortSignal without the DOM: `tasks` contracts compile with no platform types. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
}

export interface TaskInput {
  readonly name: string;
  /** Path inside the task's folder, `/dev/stdin`, or null when the input is only named. */
  readonly path: string | null;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface TaskOutput {
  readonly name: string;
  readonly path: string;
  readonly maxBytes: number;
}

export interface ExecutorTask<Spec> {
  readonly spec: Spec;
  readonly inputs: readonly TaskInput[];
  readonly outputs: readonly TaskOutput[];
  /** UDCS_JOB UDCS_TASK UDCS_INDEX UDCS_COUNT UDCS_ATTEMPT */
  readonly environment: Readonly<Record<string, string>>;
  readonly index: number;
  readonly count: number;
  readonly limits: { readonly cpus: number; readonly memoryBytes: number; readonly diskBytes: number; readonly executionMs: number };
  readonly isolationMin: IsolationLevel;
}

export interface ExecutorResult {
  /** JSON ≤ 16 KiB. */
  readonly value?: unknown;
  readonly exitCode: number | null;
  /** CPU and GPU time and memory as far as the executor knows; the host fills the rest in. */
  readonly usage?: {
    readonly cpuMs?: number;
    readonly gpuMs?: number;
    readonly peakMemoryBytes?: number;
    readonly versions?: Readonly<Record<string, string>>;
  };
}

/** A program that ended badly; the host copies exit code and signal into the failure report. */
export class ProgramFailed extends UdcsError {
  readonly exitCode: number | null;
  readonly signal: string | null;

  constructor(code: ErrorCode, message: string, ended: { exitCode?: number | null; signal?: string | null; hint?: string; cause?: unknown }) {
    super(code, message, { ...(ended.hint === undefined ? {} : { hint: ended.hint }), cause: ended.cause });
    this.exitCode = ended.exitCode ?? null;
    this.signal = ended.signal ?? null;
  }
}

/** What an executor may touch. Implemented by browser-worker/src/host and native-worker/src/host. */
export interface Host {
  readonly side: 'browser' | 'native';
  /** The worker's capability attributes (os.name, arch, libc, cpu.features, webgpu.*), as advertised. */
  readonly attributes: Attributes;
  readonly artifacts: {
    /** Whole bytes of an artifact the task names (hash checked, from cache if held). @throws UdcsError INPUT_UNAVAILABLE */
    read(digest: Digest): Promise<Uint8Array>;
  };
  readonly outputs: {
    /** Stores one output; ≤ 64 KiB travels inline, larger is uploaded. @throws UdcsError OUTPUT_LIMIT over `maxBytes` */
    put(name: string, bytes: Uint8Array): Promise<BlobRef>;
  };
  /** Live log; reaches the submitter in under a second, bounded by limits.attemptLogBytes. May be called while the thread is busy. */
  log(stream: 'stdout' | 'stderr' | 'udcs', bytes: Uint8Array | string): void;
  /** 0..1, with a few words. Also feeds the no-progress watchdog. */
  progress(fraction: number, note?: string): void;
  /** A fresh or reused WebGPU device; null when this worker has none. @throws UdcsError DEVICE_LOST */
  gpu(wishes: { readonly features: readonly string[]; readonly limits: Readonly<Record<string, number>> }): Promise<HostGpu | null>;
  /** Native only: runs a program inside the sandbox, in the task's folder. null in a tab. */
  readonly spawn: ((command: SpawnCommand) => Promise<SpawnResult>) | null;
  /** Settles after `ms`; the only timer an executor gets. */
  sleep(ms: number): Promise<void>;
  /** Milliseconds of a monotonic clock. */
  nowMs(): number;
}

/** A GPUDevice, opaque here because contracts compile without @webgpu/types; browser.ts and native.ts know its type. */
export interface HostGpu {
  readonly device: unknown;
  /** True when a software adapter (SwiftShader, llvmpipe) stands behind it. */
  readonly software: boolean;
  /** Driver and adapter words for provenance. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface SpawnCommand {
  /** The build that fits this machine, an artifact; made executable inside the sandbox. */
  readonly executable: Digest;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array | null;
  /** Inside the task's folder. */
  readonly workingDir: string;
  readonly umask: number;
  /** Files to put into the folder before the start, by path. */
  readonly files: readonly { readonly path: string; readonly digest: Digest }[];
  /** Paths to collect afterwards; /dev/stdout and /dev/stderr capture the streams. */
  readonly outputs: readonly TaskOutput[];
}

export interface SpawnResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Set when a limit ended it: names the limit. */
  readonly limit: { readonly code: ErrorCode; readonly message: string } | null;
  /** Declared outputs that existed. */
  readonly outputs: Readonly<Record<string, BlobRef>>;
  readonly cpuMs: number | null;
  readonly peakMemoryBytes: number | null;
}

/** @throws UdcsError with a code of the table; anything else becomes EXECUTOR_FAILED. */
export type Executor<Spec> = (task: ExecutorTask<Spec>, host: Host, signal: CancelSignal) => Promise<ExecutorResult>;

/** An executor module: `check` proves on this machine that it works before the type is advertised. */
export interface ExecutorModule<Spec> {
  readonly execute: Executor<Spec>;
  /** Runs a small known task through this host; returns null, or why the type can not be offered here. */
  readonly selfCheck: (host: Host) => Promise<string | null>;
}
