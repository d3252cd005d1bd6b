// Runs one offer from its inputs to its report. Types whose untrusted part is a program under `Host.spawn` (or that have none)
// run their executor in the agent; all others in an executor child.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Attributes,
  type BlobRef,
  type Digest,
  type FailureReport,
  limits,
  type SuccessReport,
  type TaskTypeName,
  taskEnvironment,
  toUdcsError,
  UdcsError,
  type Usage,
} from '@udcs/protocol';
import { type ExecutorResult, type ExecutorTask, ProgramFailed } from '@udcs/tasks';
import { type ExecutorPool, failureOf, type RunEnd } from '../executor/executor-pool.ts';
import type { Failure, Outputs } from '../executor/frames.ts';
import { blobOf, ExecutorHost, fileNameOf } from '../host/executor-host.ts';
import { loadExecutor } from '../host/executors.ts';
import { PRINTED_MAX_BYTES, runProgram } from '../sandbox/program.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { AttemptLog } from './attempt-log.ts';
import type { InputFetcher, Prepared } from './inputs.ts';
import type { Offer } from './offer.ts';
import { StopSignal } from './stop-signal.ts';
import type { Transfer } from './transfer.ts';

export type Outcome =
  | { readonly kind: 'succeeded'; readonly report: SuccessReport }
  | { readonly kind: 'failed'; readonly report: FailureReport }
  /** It was ended on demand; there is nothing to report. */
  | { readonly kind: 'killed' };

export interface WorkbenchOptions {
  readonly pool: ExecutorPool;
  readonly sandbox: Sandbox;
  readonly attributes: Attributes;
  readonly inputs: InputFetcher;
  readonly transfer: Transfer;
  /** For outputs that wait for their upload and for the folders of programs. */
  readonly folder: string;
}

/** What the agent sees of a running attempt. */
export class Execution {
  /** Where its large outputs wait for their upload; made when there is one. */
  keepDir = '';
  readonly log = new AttemptLog();
  progress: number | null = null;
  note: string | undefined;
  /** Set once; the attempt then ends `killed`, whatever it was doing. */
  readonly stop = new StopSignal();
  onLive: (() => void) | null = null;
}

const VERSIONS = { node: process.versions.node, v8: process.versions.v8 };
const inAgent = (offer: Offer): boolean => {
  if (offer.expanded.type === 'NATIVE_EXEC') return true;
  // A MOCK that crashes or burns its thread needs one of its own.
  return offer.expanded.type === 'MOCK' && offer.expanded.spec['crash'] !== true && offer.expanded.spec['hang'] !== 'busy';
};

export class Workbench {
  readonly #options: WorkbenchOptions;
  #count = 0;

  constructor(options: WorkbenchOptions) {
    this.#options = options;
    rmSync(options.folder, { recursive: true, force: true });
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  }

  prepare(offer: Offer): Promise<Prepared> {
    return this.#options.inputs.prepare(offer, inAgent(offer) ? 'on demand' : 'now');
  }

  /** Never rejects. */
  async run(offer: Offer, prepared: Promise<Prepared>, execution: Execution): Promise<Outcome> {
    const startedAtMs = performance.now();
    this.#count += 1;
    execution.keepDir = join(this.#options.folder, `outputs-${this.#count}`);
    const ended = await this.#execute(offer, prepared, execution).catch(
      (thrown: unknown): RunEnd => ({ kind: 'failed', failure: describe(thrown), cpuMs: null }),
    );
    const wallMs = performance.now() - startedAtMs;
    try {
      if (execution.stop.aborted || ended.kind === 'killed') return { kind: 'killed' };
      return await this.#report(offer, ended, execution, wallMs);
    } catch (thrown) {
      if (execution.stop.aborted) return { kind: 'killed' };
      return { kind: 'failed', report: failureReport(offer, describe(thrown), null, null) };
    } finally {
      const allInline =
        ended.kind === 'done' && execution.log.bytes <= limits.inlineOutputBytes && Object.values(ended.outputs).every((blob) => blob.inline !== undefined);
      if (!allInline && existsSync(execution.keepDir)) rmSync(execution.keepDir, { recursive: true, force: true });
    }
  }

  async #execute(offer: Offer, prepared: Promise<Prepared>, execution: Execution): Promise<RunEnd> {
    const { inputs, files } = await prepared;
    const task = taskOf(offer, inputs);
    if (execution.stop.aborted) return { kind: 'killed' };
    if (inAgent(offer)) return this.#runHere(offer, task, execution);
    const run = this.#options.pool.run({
      key: offer.reuseKey,
      type: offer.expanded.type,
      task,
      files,
      noProgressMs: offer.job.timeouts.noProgressMs,
      keepDir: execution.keepDir,
      events: {
        onLog: (stream, bytes) => {
          this.#logged(execution, stream, bytes);
          if (execution.log.bytes > PRINTED_MAX_BYTES) run.kill(failureOf('OUTPUT_LIMIT', `printed more than ${PRINTED_MAX_BYTES} bytes`));
        },
        onProgress: (fraction, note) => noteProgress(execution, fraction, note),
      },
    });
    execution.stop.addEventListener('abort', () => run.kill());
    return run.end;
  }

  async #runHere(offer: Offer, task: ExecutorTask<unknown>, execution: Execution): Promise<RunEnd> {
    const executor = await loadExecutor(offer.expanded.type);
    const limit: { struck: Failure | null } = { struck: null };
    const over = new StopSignal();
    const strike = (failure: Failure): void => {
      limit.struck ??= failure;
      over.abort();
    };
    execution.stop.addEventListener('abort', () => over.abort());
    const { executionMs } = task.limits;
    // A program's wall limit begins when it starts, and is kept where it runs.
    const wall =
      offer.expanded.type === 'MOCK'
        ? setTimeout(() => strike(failureOf('TIMEOUT', `ran longer than timeouts.executionMs (${executionMs} ms)`)), executionMs)
        : undefined;
    const quiet = quietWatch(offer.job.timeouts.noProgressMs, strike);
    const host = this.#hostFor(offer, execution, task, over, quiet.touch);
    try {
      const result = await executor.execute(task, host, over);
      if (limit.struck !== null) return { kind: 'failed', failure: limit.struck, cpuMs: null };
      return { kind: 'done', result, outputs: host.collected, cpuMs: result.usage?.cpuMs ?? 0 };
    } catch (thrown) {
      if (execution.stop.aborted) return { kind: 'killed' };
      return { kind: 'failed', failure: limit.struck ?? describe(thrown), cpuMs: null };
    } finally {
      clearTimeout(wall);
      quiet.stop();
    }
  }

  #hostFor(offer: Offer, execution: Execution, task: ExecutorTask<unknown>, stop: StopSignal, touch: () => void): ExecutorHost {
    const { inputs, attributes, sandbox, folder } = this.#options;
    const print = (stream: 'stdout' | 'stderr' | 'udcs', bytes: Buffer): void => {
      touch();
      this.#logged(execution, stream, bytes);
    };
    return new ExecutorHost(attributes, offer.outputs, {
      readArtifact: (digest) => inputs.read(digest, offer),
      keepLarge: (digest, bytes) => keepBytes(execution.keepDir, digest, bytes),
      log: (stream, bytes) => print(stream, Buffer.from(bytes)),
      progress: (fraction, note) => {
        touch();
        noteProgress(execution, fraction, note);
      },
      gpu: () => Promise.resolve(null),
      spawn: (command) => {
        this.#count += 1;
        const own = join(folder, `program-${this.#count}`);
        return runProgram({
          command,
          limits: task.limits,
          sandbox,
          folder: own,
          keepDir: execution.keepDir,
          fileOf: (digest) => inputs.file(digest, offer),
          onPrint: print,
          stop,
        });
      },
    });
  }

  #logged(execution: Execution, stream: 'stdout' | 'stderr' | 'udcs', bytes: Buffer): void {
    execution.log.write(stream, bytes, performance.now());
    execution.onLive?.();
  }

  async #report(offer: Offer, ended: Exclude<RunEnd, { kind: 'killed' }>, execution: Execution, wallMs: number): Promise<Outcome> {
    const log = await this.#keepLog(offer, execution);
    const failed = (failure: Failure, cpuMs: number | null): Outcome => ({
      kind: 'failed',
      report: failureReport(offer, failure, log, usageOf(wallMs, cpuMs, null)),
    });
    if (ended.kind === 'failed') return failed(ended.failure, ended.cpuMs);
    const { result } = ended;
    const missing = offer.outputs.find((output) => !Object.hasOwn(ended.outputs, output.name));
    if (missing !== undefined) return failed(failureOf('OUTPUT_MISSING', `the task did not make "${missing.path}", the output "${missing.name}"`), ended.cpuMs);
    const value = result.value === undefined ? {} : { value: result.value };
    if (result.value !== undefined && JSON.stringify(result.value).length > limits.valueBytes) {
      return failed(failureOf('OUTPUT_LIMIT', `the result value is larger than ${limits.valueBytes} bytes; use an output for it`), ended.cpuMs);
    }
    await this.#uploadLarge(offer, ended.outputs, execution);
    return {
      kind: 'succeeded',
      report: { ...offer.ref, ...value, outputs: { ...ended.outputs }, exitCode: result.exitCode, log, usage: usageOf(wallMs, ended.cpuMs, result) },
    };
  }

  async #keepLog(offer: Offer, execution: Execution): Promise<BlobRef | null> {
    const whole = execution.log.whole();
    if (whole === null) return null;
    const blob = blobOf(whole);
    if (blob.inline !== undefined) return blob;
    await keepBytes(execution.keepDir, blob.digest, whole);
    await this.#uploadLarge(offer, { log: blob }, execution);
    return blob;
  }

  async #uploadLarge(offer: Offer, outputs: Outputs, execution: Execution): Promise<void> {
    const large = new Map(Object.values(outputs).flatMap(({ digest, sizeBytes, inline }) => (inline === undefined ? [[digest, sizeBytes] as const] : [])));
    for (const [digest, sizeBytes] of large) {
      await this.#options.transfer.upload(join(execution.keepDir, fileNameOf(digest)), digest, sizeBytes, offer.ref, execution.stop);
    }
  }

  /** A host for the self-check of a type that runs in the agent. */
  async selfCheck(type: TaskTypeName): Promise<string | null> {
    const executor = await loadExecutor(type);
    const host = new ExecutorHost(this.#options.attributes, null, {
      readArtifact: (digest) => Promise.reject(new UdcsError('INPUT_UNAVAILABLE', `there is no artifact ${digest} in a self-check`)),
      keepLarge: () => Promise.resolve(),
      log: () => {},
      progress: () => {},
      gpu: () => Promise.resolve(null),
      spawn: () => Promise.reject(new UdcsError('INTERNAL', 'a self-check starts no program')),
    });
    return executor.selfCheck(host).catch((thrown: unknown) => toUdcsError(thrown).message);
  }
}

function taskOf(offer: Offer, inputs: Prepared['inputs']): ExecutorTask<unknown> {
  const { job, index, ref } = offer;
  return {
    spec: offer.expanded.spec,
    inputs,
    outputs: offer.outputs,
    environment: taskEnvironment({ jobId: offer.jobId, taskId: ref.task, index, count: job.count, attempt: ref.attempt }),
    index,
    count: job.count,
    limits: { cpus: job.resources.cpus, memoryBytes: job.resources.memoryBytes, diskBytes: job.resources.diskBytes, executionMs: job.timeouts.executionMs },
    isolationMin: job.isolationMin,
  };
}

async function keepBytes(folder: string, digest: Digest, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, fileNameOf(digest)), bytes);
}

function noteProgress(execution: Execution, fraction: number, note: string | undefined): void {
  execution.progress = fraction;
  execution.note = note;
}

function describe(thrown: unknown): Failure {
  const error = toUdcsError(thrown, 'EXECUTOR_FAILED');
  const message = (error.hint === undefined ? error.message : `${error.message}; ${error.hint}`).slice(0, 4_000);
  return error instanceof ProgramFailed ? { code: error.code, message, exitCode: error.exitCode, signal: error.signal } : failureOf(error.code, message);
}

const usageOf = (wallMs: number, cpuMs: number | null, result: ExecutorResult | null): Usage => ({
  wallMs,
  cpuMs: result?.usage?.cpuMs ?? cpuMs,
  gpuMs: result?.usage?.gpuMs ?? null,
  peakMemoryBytes: result?.usage?.peakMemoryBytes ?? null,
  versions: { ...VERSIONS, ...result?.usage?.versions },
});

const failureReport = (offer: Offer, failure: Failure, log: BlobRef | null, usage: Usage | null): FailureReport => ({ ...offer.ref, ...failure, log, usage });

function quietWatch(noProgressMs: number, strike: (failure: Failure) => void): { touch: () => void; stop: () => void } {
  if (noProgressMs === 0) return { touch: () => {}, stop: () => {} };
  const fire = (): void => strike(failureOf('NO_PROGRESS', `no progress within timeouts.noProgressMs (${noProgressMs} ms)`));
  let timer = setTimeout(fire, noProgressMs);
  return {
    touch: () => {
      clearTimeout(timer);
      timer = setTimeout(fire, noProgressMs);
    },
    stop: () => clearTimeout(timer),
  };
}
