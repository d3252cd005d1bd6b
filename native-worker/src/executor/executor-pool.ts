// Hands attempts to executor children. A child is used again only for attempts of the same owner, job and code; it is thrown
// away after any failure, kill, 256 attempts or a change of job. One spare stays warm per kind, so that a short task does not
// pay a process start. Wall limit and cancel are SIGKILL: a busy thread hears nothing else.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Attributes, type Digest, type ErrorCode, type TaskTypeName, toUdcsError } from '@udcs/protocol';
import type { ExecutorResult, ExecutorTask } from '@udcs/tasks';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type ChildEvents, ExecutorChild } from './executor-child.ts';
import type { Failure, GpuChoice, Outputs } from './frames.ts';

/** Attempts one child may run. */
const RUNS_PER_CHILD = 256;
const CHECK_MS = 20_000;

export interface RunRequest {
  /** Owner, job and code: equal keys may share a child. */
  readonly key: string;
  readonly type: TaskTypeName;
  readonly task: ExecutorTask<unknown>;
  readonly files: ReadonlyMap<Digest, string>;
  readonly noProgressMs: number;
  /** Where outputs too large to travel inline are put, under the digest without its prefix. */
  readonly keepDir: string;
  readonly events: ChildEvents;
}

export type RunEnd =
  | { readonly kind: 'done'; readonly result: ExecutorResult; readonly outputs: Outputs; readonly cpuMs: number }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly cpuMs: number | null }
  | { readonly kind: 'killed' };

export interface Run {
  readonly end: Promise<RunEnd>;
  /** Ends it at once; with a failure it ends `failed`, without `killed`. */
  kill(failure?: Failure): void;
}

export interface PoolOptions {
  readonly sandbox: Sandbox;
  readonly folder: string;
  /** Children kept beside the busy ones. */
  readonly idleMax: number;
}

export class ExecutorPool {
  readonly #options: PoolOptions;
  readonly #children = new Set<ExecutorChild>();
  readonly #discards = new Set<Promise<void>>();
  #attributes: Attributes = {};
  #gpu: GpuChoice | null = null;
  #count = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    rmSync(options.folder, { recursive: true, force: true });
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  }

  configure(attributes: Attributes, gpu: GpuChoice | null): void {
    this.#attributes = attributes;
    this.#gpu = gpu;
  }

  /** Children started so far. */
  get started(): number {
    return this.#count;
  }

  /** Runs the type's own check in a child that is thrown away. Null = it works here. */
  async selfCheck(type: TaskTypeName): Promise<string | null> {
    const child = this.#start(needsGpu(type));
    const timer = setTimeout(() => child.kill(), CHECK_MS);
    try {
      return await child.check(type, { onLog: () => {}, onProgress: () => {} });
    } finally {
      clearTimeout(timer);
      this.#discard(child);
    }
  }

  warm(type: TaskTypeName): void {
    this.#ensureSpare(needsGpu(type));
  }

  run(request: RunRequest): Run {
    const control: { child: ExecutorChild | null; killed: boolean; failure: Failure | null } = { child: null, killed: false, failure: null };
    const kill = (failure?: Failure): void => {
      if (control.killed) return;
      control.killed = true;
      control.failure = failure ?? null;
      control.child?.kill();
    };
    const end = this.#run(request, control, kill).catch((thrown: unknown): RunEnd => {
      const error = toUdcsError(thrown, 'EXECUTOR_FAILED');
      return { kind: 'failed', failure: failureOf(error.code, error.message), cpuMs: null };
    });
    return { end, kill };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const child of this.#children) this.#discard(child);
    await Promise.all(this.#discards);
    rmSync(this.#options.folder, { recursive: true, force: true });
  }

  async #run(request: RunRequest, control: { child: ExecutorChild | null; killed: boolean; failure: Failure | null }, kill: Run['kill']): Promise<RunEnd> {
    const child = this.#take(request);
    control.child = child;
    const { executionMs } = request.task.limits;
    const wall = setTimeout(() => kill(failureOf('TIMEOUT', `ran longer than timeouts.executionMs (${executionMs} ms)`)), executionMs);
    const watch = watchProgress(request.noProgressMs, request.events, kill);
    try {
      const end = await child.run(request.type, request.task, request.files, watch.events);
      if (control.killed) return control.failure === null ? { kind: 'killed' } : { kind: 'failed', failure: control.failure, cpuMs: null };
      if (end === null) return { kind: 'failed', failure: await crashOf(child, request.task.limits.memoryBytes), cpuMs: null };
      if (end.kind === 'failed') {
        this.#discard(child);
        return { kind: 'failed', failure: end.failure, cpuMs: end.cpuMs };
      }
      child.moveLarge(end.outputs, request.keepDir);
      if (child.runs >= RUNS_PER_CHILD) this.#discard(child);
      this.#trim();
      return { kind: 'done', result: end.result, outputs: end.outputs, cpuMs: end.cpuMs };
    } finally {
      clearTimeout(wall);
      watch.stop();
    }
  }

  #take(request: RunRequest): ExecutorChild {
    const withGpu = needsGpu(request.type);
    const idle = [...this.#children].filter((child) => child.idle && child.withGpu === withGpu && child.runs < RUNS_PER_CHILD);
    const child = idle.find((one) => one.key === request.key) ?? idle.find((one) => one.key === null) ?? this.#start(withGpu);
    if (child.key === null) {
      child.key = request.key;
      // The next job finds a warm one; started a moment later, so that it does not compete with this task's start.
      setImmediate(() => this.#ensureSpare(withGpu));
    }
    child.setMemory(request.task.limits.memoryBytes);
    return child;
  }

  #start(withGpu: boolean): ExecutorChild {
    this.#count += 1;
    const child = new ExecutorChild({
      sandbox: this.#options.sandbox,
      folder: join(this.#options.folder, String(this.#count)),
      attributes: this.#attributes,
      gpu: withGpu ? this.#gpu : null,
    });
    this.#children.add(child);
    void child.gone.then(() => this.#discard(child));
    return child;
  }

  #ensureSpare(withGpu: boolean): void {
    if (this.#closed || [...this.#children].some((child) => child.idle && child.key === null && child.withGpu === withGpu)) return;
    this.#start(withGpu);
  }

  #discard(child: ExecutorChild): void {
    if (!this.#children.delete(child)) return;
    const gone = child.discard().finally(() => this.#discards.delete(gone));
    this.#discards.add(gone);
  }

  /** Idle children of other jobs go, oldest first, when there are more than the worker has use for. */
  #trim(): void {
    const idle = [...this.#children].filter((child) => child.idle && child.key !== null);
    for (const child of idle.slice(0, Math.max(0, idle.length - this.#options.idleMax))) this.#discard(child);
  }
}

const needsGpu = (type: TaskTypeName): boolean => type === 'WGSL_KERNEL';

export const failureOf = (code: ErrorCode, message: string): Failure => ({ code, message, exitCode: null, signal: null });

async function crashOf(child: ExecutorChild, memoryBytes: number): Promise<Failure> {
  const how = await child.gone;
  if (child.memoryKills > 0) return failureOf('MEMORY_LIMIT', `needed more memory than resources.memoryBytes (${memoryBytes} bytes)`);
  const words = child.lastWords;
  if (/JavaScript heap out of memory|Array buffer allocation failed/.test(words))
    return failureOf('MEMORY_LIMIT', `the executor ran out of memory (resources.memoryBytes is ${memoryBytes} bytes)`);
  return failureOf('CRASHED', `the executor ${how}${words === '' ? '' : `: ${words}`}`);
}

/** Output and progress both count as a sign of life. */
function watchProgress(noProgressMs: number, events: ChildEvents, kill: Run['kill']): { events: ChildEvents; stop: () => void } {
  if (noProgressMs === 0) return { events, stop: () => {} };
  const fire = (): void => kill(failureOf('NO_PROGRESS', `no progress within timeouts.noProgressMs (${noProgressMs} ms)`));
  let timer = setTimeout(fire, noProgressMs);
  const touch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(fire, noProgressMs);
  };
  return {
    events: {
      onLog(stream, bytes) {
        touch();
        events.onLog(stream, bytes);
      },
      onProgress(fraction, note) {
        touch();
        events.onProgress(fraction, note);
      },
    },
    stop: () => clearTimeout(timer),
  };
}
