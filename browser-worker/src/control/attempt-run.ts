// One attempt on one task Worker: fetches what it needs, runs it, watches the clock, gathers outputs and log, and ends in
// exactly one report, or in none when it is stopped from outside.
import {
  type Attributes,
  type BlobRef,
  type Digest,
  expandTask,
  isTaskPath,
  limits,
  taskEnvironment,
  toUdcsError,
  UdcsError,
  type Usage,
} from '@udcs/protocol';
import type { TaskType } from '@udcs/tasks';
import type { ExecutorTask } from '@udcs/tasks/kit';
import type { FromTask } from '../task/messages.ts';
import { type Artifacts, digestOf, type Fetched, toBase64 } from './artifacts.ts';
import { AttemptLog, type LogLine } from './attempt-log.ts';
import type { Held, Report } from './ledger.ts';
import { refOf } from './ledger.ts';
import type { TaskThread, TaskThreads } from './task-threads.ts';

/** Together per report; what is over is uploaded, so that a report always fits a frame. */
const INLINE_BYTES = 4 * limits.inlineOutputBytes;

interface RunEvents {
  log(line: LogLine): void;
  progress(): void;
  /** The executor has ended and its slot is free; the report follows when the outputs are uploaded. `killed` = the thread was busy. */
  freed(killed: boolean, deviceLost: boolean): void;
  ended(report: Report): void;
}

export interface RunParts {
  readonly held: Held;
  readonly taskType: TaskType<unknown>;
  readonly artifacts: Artifacts;
  readonly threads: TaskThreads;
  readonly attributes: Attributes;
  readonly gpuShare: number;
  readonly software: string;
  readonly events: RunEvents;
}

type Ending = Extract<FromTask, { kind: 'done' | 'failed' }>;

export class AttemptRun {
  readonly #parts: RunParts;
  readonly #abort = new AbortController();
  readonly #log = new AttemptLog();
  readonly #outputs: Record<string, BlobRef> = {};
  readonly #uploads: { readonly digest: Digest; readonly bytes: Uint8Array }[] = [];
  readonly #inputs = new Map<Digest, Uint8Array>();
  #inlineBytes = 0;
  #sentence: string;
  #thread: TaskThread | null = null;
  #executing = false;
  #prepared: Promise<ExecutorTask<unknown>> | null = null;
  #stop: (reason: UdcsError) => void = () => undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #startedAtMs = 0;
  #endedAtMs = 0;
  #progressAtMs = 0;
  progress: number | null = null;
  note: string | null = null;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#sentence = parts.taskType.summary;
  }

  /** Expands the task and fetches its inputs, once; may be called long before run(). Never rejects: run() says what went wrong. */
  async prepare(): Promise<void> {
    this.#prepared ??= this.#prepare();
    await this.#prepared.catch(() => undefined);
  }

  /** For the donor, once prepared: what this task does here. */
  describe(): string {
    return this.#sentence;
  }

  /** The executor has ended; only uploads are left. */
  get freed(): boolean {
    return this.#endedAtMs > 0;
  }

  /** Resolves when everything, uploads included, is over. Never rejects. */
  async run(): Promise<void> {
    this.#startedAtMs = performance.now();
    const report = await this.#reported().catch((thrown: unknown) => this.#failed(null, toUdcsError(thrown, 'EXECUTOR_FAILED')));
    if (!this.#abort.signal.aborted) this.#parts.events.ended(report);
  }

  async #reported(): Promise<Report> {
    let ending: Ending;
    try {
      ending = await this.#execute();
    } catch (thrown) {
      this.#freed(this.#release(null), false);
      throw thrown;
    }
    this.#release(ending);
    this.#freed(false, ending.deviceLost);
    return ending.kind === 'done' ? this.#succeeded(ending) : this.#failed(ending, UdcsError.from(ending));
  }

  /** After a cancel the slot is already counted by whoever canceled. */
  #freed(killed: boolean, deviceLost: boolean): void {
    this.#endedAtMs = performance.now();
    if (!this.#abort.signal.aborted) this.#parts.events.freed(killed, deviceLost);
  }

  /** Stopped by the coordinator or the owner: nothing more is reported. Returns whether a busy thread was killed. */
  cancel(): boolean {
    this.#abort.abort();
    return this.#release(null);
  }

  async #execute(): Promise<Ending> {
    this.#prepared ??= this.#prepare();
    const task = await this.#prepared;
    const { threads, held, taskType } = this.#parts;
    const code = taskType.artifacts(taskType.spec.parse(task.spec));
    const affinity = [held.header.owner, held.header.id, held.assignment.variant, JSON.stringify(held.assignment.spec ?? null), ...code].join('\n');
    const thread = threads.take(affinity, taskType.type);
    this.#thread = thread;
    const ending = new Promise<Ending>((resolve, reject) => {
      this.#stop = reject;
      thread.onBroken = (reason) => reject(new UdcsError('EXECUTOR_FAILED', reason));
      thread.onMessage = (message) => this.#onMessage(thread, message, resolve);
    });
    await Promise.race([thread.ready, ending]);
    this.#executing = true;
    this.#watchClock(task.limits.executionMs, this.#parts.held.job.timeouts.noProgressMs);
    thread.send({ kind: 'run', type: taskType.type, task, code, attributes: this.#parts.attributes, gpuShare: this.#parts.gpuShare });
    return ending;
  }

  /** The executor is told sizes and must not hold a slot during a download, so every input is here before it starts. */
  async #prepare(): Promise<ExecutorTask<unknown>> {
    const { held, taskType, artifacts } = this.#parts;
    const { assignment, ref, job } = held;
    const own =
      assignment.spec === undefined
        ? job
        : {
            ...job,
            variants: job.variants.map((variant, at) => (at === assignment.variant ? { ...variant, spec: assignment.spec ?? variant.spec } : variant)),
          };
    const expanded = expandTask(own, assignment.variant, assignment.index, assignment.entry ?? null);
    const badPath = [...expanded.inputs, ...expanded.outputs].find((file) => file.path !== undefined && !isTaskPath(file.path));
    if (badPath !== undefined) throw new UdcsError('INVALID_INPUT', `${badPath.name}: ${badPath.path} is not a path inside the task's folder`);
    const spec = taskType.spec.parse(expanded.spec);
    this.#sentence = taskType.describe(spec, job);
    const inputs = await Promise.all(expanded.inputs.map((input) => artifacts.input(input.source, ref, this.#abort.signal)));
    for (const { digest, bytes } of inputs) this.#inputs.set(digest, bytes);
    await Promise.all(taskType.artifacts(spec).map((digest) => artifacts.read(digest, ref, this.#abort.signal)));
    return {
      // As it came: the executor parses it itself.
      spec: expanded.spec,
      inputs: expanded.inputs.map((input, at) => ({
        name: input.name,
        path: input.path ?? null,
        digest: (inputs[at] as Fetched).digest,
        sizeBytes: (inputs[at] as Fetched).bytes.length,
      })),
      outputs: expanded.outputs,
      environment: taskEnvironment({ jobId: held.header.id, taskId: ref.task, index: assignment.index, count: job.count, attempt: ref.attempt }),
      index: assignment.index,
      count: job.count,
      limits: { cpus: job.resources.cpus, memoryBytes: job.resources.memoryBytes, diskBytes: job.resources.diskBytes, executionMs: job.timeouts.executionMs },
      isolationMin: job.isolationMin,
    };
  }

  #onMessage(thread: TaskThread, message: FromTask, resolve: (ending: Ending) => void): void {
    switch (message.kind) {
      case 'read':
        void this.#serve(thread, message.request, async () => {
          const bytes = this.#inputs.get(message.digest) ?? (await this.#parts.artifacts.read(message.digest, this.#parts.held.ref, this.#abort.signal));
          const copy = bytes.slice();
          thread.send({ kind: 'bytes', request: message.request, bytes: copy }, [copy.buffer]);
        });
        break;
      case 'put':
        void this.#serve(thread, message.request, async () => {
          const ref = await this.#keepOutput(message.bytes);
          this.#outputs[message.name] = ref;
          thread.send({ kind: 'stored', request: message.request, ref });
        });
        break;
      case 'log':
        this.#progressAtMs = performance.now();
        for (const line of this.#log.add(message.stream, message.bytes, message.tail)) this.#parts.events.log(line);
        break;
      case 'progress':
        this.#progressAtMs = performance.now();
        this.progress = message.fraction;
        this.note = message.note;
        this.#parts.events.progress();
        break;
      case 'done':
      case 'failed':
        resolve(message);
        break;
      case 'ready':
      case 'checked':
      case 'measured':
        break;
    }
  }

  async #serve(thread: TaskThread, request: number, answer: () => Promise<void>): Promise<void> {
    try {
      await answer();
    } catch (thrown) {
      const error = toUdcsError(thrown, 'INPUT_UNAVAILABLE');
      thread.send({ kind: 'refused', request, code: error.code, message: error.message });
    }
  }

  async #keepOutput(bytes: Uint8Array): Promise<BlobRef> {
    const digest = await digestOf(bytes);
    const inline = bytes.length <= limits.inlineOutputBytes && this.#inlineBytes + bytes.length <= INLINE_BYTES;
    if (inline) this.#inlineBytes += bytes.length;
    else this.#uploads.push({ digest, bytes });
    return inline ? { digest, sizeBytes: bytes.length, inline: toBase64(bytes) } : { digest, sizeBytes: bytes.length };
  }

  #watchClock(executionMs: number, noProgressMs: number): void {
    const startedAtMs = performance.now();
    this.#progressAtMs = startedAtMs;
    const stepMs = Math.max(20, Math.min(250, executionMs / 20, noProgressMs > 0 ? noProgressMs / 20 : 250));
    this.#watch = setInterval(() => {
      const nowMs = performance.now();
      if (nowMs - startedAtMs > executionMs) this.#stop(new UdcsError('TIMEOUT', `It ran longer than timeouts.executionMs (${executionMs} ms).`));
      else if (noProgressMs > 0 && nowMs - this.#progressAtMs > noProgressMs)
        this.#stop(new UdcsError('NO_PROGRESS', `It made no progress within timeouts.noProgressMs (${noProgressMs} ms).`));
    }, stepMs);
  }

  /** Gives the thread back after a clean success, ends it otherwise. Idempotent; returns whether a busy one was killed. */
  #release(ending: Ending | null): boolean {
    clearInterval(this.#watch);
    const thread = this.#thread;
    if (thread === null) return false;
    this.#thread = null;
    if (ending?.kind === 'done' && !ending.deviceLost) this.#parts.threads.giveBack(thread);
    else this.#parts.threads.discard(thread);
    return ending === null && this.#executing;
  }

  #usage(ending: Ending | null): Usage {
    const known = ending?.kind === 'done' ? ending.result.usage : undefined;
    return {
      wallMs: Math.max(0, this.#endedAtMs - this.#startedAtMs),
      cpuMs: known?.cpuMs ?? null,
      gpuMs: known?.gpuMs ?? null,
      peakMemoryBytes: known?.peakMemoryBytes ?? null,
      versions: { ...known?.versions, 'udcs.worker': this.#parts.software },
    };
  }

  async #succeeded(ending: Extract<Ending, { kind: 'done' }>): Promise<Report> {
    const { value, exitCode } = ending.result;
    if (value !== undefined && JSON.stringify(value).length > limits.valueBytes) {
      throw new UdcsError('OUTPUT_LIMIT', `The task's value is larger than ${limits.valueBytes} bytes of JSON.`, { hint: 'write an output instead' });
    }
    const log = await this.#keepLog();
    await this.#uploadAll();
    const record = { ...refOf(this.#parts.held.ref), outputs: this.#outputs, exitCode, log, usage: this.#usage(ending) };
    return { kind: 'succeeded', record: value === undefined ? record : { ...record, value } };
  }

  async #failed(ending: Extract<Ending, { kind: 'failed' }> | null, error: UdcsError): Promise<Report> {
    this.#uploads.length = 0;
    let log = await this.#keepLog();
    // A failure is worth reporting without its log.
    await this.#uploadAll().catch(() => {
      log = null;
    });
    return {
      kind: 'failed',
      record: {
        ...refOf(this.#parts.held.ref),
        code: error.code,
        message: error.message.slice(0, 4_000),
        exitCode: ending?.exitCode ?? null,
        signal: ending?.signal ?? null,
        log,
        usage: this.#usage(ending),
      },
    };
  }

  async #keepLog(): Promise<BlobRef | null> {
    const whole = this.#log.whole();
    return whole === null ? null : this.#keepOutput(whole);
  }

  async #uploadAll(): Promise<void> {
    const done = new Set<Digest>();
    for (const { digest, bytes } of this.#uploads) {
      if (done.has(digest)) continue;
      await this.#parts.artifacts.upload(digest, bytes, this.#parts.held.ref, this.#abort.signal);
      done.add(digest);
    }
  }
}
