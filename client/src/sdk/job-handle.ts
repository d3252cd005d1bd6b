// A job in the hands of a program: a promise of its end, an async iterable of its task results, and what can be asked of
// it. Nothing is requested before it is awaited, iterated or asked.
import { type ExplainView, type JobEvent, type JobId, type JobView, type TaskId, type TaskView, UdcsError } from '@udcs/protocol';
import type { Artifacts } from './artifacts.ts';
import { JobFailedError, UnmatchedError } from './errors.ts';
import { jobEvents, type StreamOptions, settledTasks } from './job-stream.ts';
import type { Awaited, SettleWatch } from './settle-watch.ts';
import type { Transport } from './transport.ts';
import { orAborted, sleep } from './waiting.ts';

export interface WaitOptions {
  /** Ends the waiting; the job goes on unless `cancelOnAbort`. */
  readonly signal?: AbortSignal | undefined;
  /** Cancel the job when `signal` is aborted. */
  readonly cancelOnAbort?: boolean | undefined;
  /** Reject with UnmatchedError when, this long after the submit, no connected worker can run the job. Default: wait for one. */
  readonly unmatchedAfterMs?: number | undefined;
}

/** How a job ended well, with its results within reach. */
export class JobResult {
  readonly job: JobView;
  readonly #handle: JobHandle;

  constructor(job: JobView, handle: JobHandle) {
    this.job = job;
    this.#handle = handle;
  }

  /** All tasks by index. A large array is better read with `for await (const task of handle)`. */
  tasks(): Promise<TaskView[]> {
    return this.#handle.tasks();
  }

  /** The small value that a task's executor returned. */
  async value(index = 0): Promise<unknown> {
    return (await this.#handle.task(index)).value;
  }

  output(name: string, index = 0): Promise<Uint8Array> {
    return this.#handle.output(name, index);
  }
}

export interface HandleParts {
  readonly transport: Transport;
  readonly artifacts: Artifacts;
  readonly watch: SettleWatch;
  readonly wait: WaitOptions;
}

export class JobHandle implements PromiseLike<JobResult>, AsyncIterable<TaskView> {
  /** Known once the submit is durable; rejects when the submit was refused. */
  readonly id: Promise<JobId>;
  readonly #parts: HandleParts;
  readonly #submitted: Promise<Awaited>;
  #answered = false;
  #result: Promise<JobResult> | null = null;

  constructor(submitted: Promise<Awaited>, parts: HandleParts) {
    this.#submitted = submitted;
    this.id = submitted.then(({ id }) => {
      this.#answered = true;
      return id;
    });
    this.id.catch(() => undefined);
    this.#parts = parts;
  }

  /** Resolves when all tasks succeeded. @throws JobFailedError, UnmatchedError, or the signal's reason */
  // biome-ignore lint/suspicious/noThenProperty: a job handle is a promise of its end by design
  then<A = JobResult, B = never>(
    onFulfilled?: ((result: JobResult) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#result ??= this.wait(this.#parts.wait);
    return this.#result.then(onFulfilled, onRejected);
  }

  catch<B>(onRejected: (reason: unknown) => B | PromiseLike<B>): Promise<JobResult | B> {
    return this.then(undefined, onRejected);
  }

  finally(onFinally: () => void): Promise<JobResult> {
    return this.then().finally(onFinally);
  }

  [Symbol.asyncIterator](): AsyncGenerator<TaskView, void, undefined> {
    return this.results({ signal: this.#parts.wait.signal });
  }

  /** Tasks as they settle, each exactly once, failed ones too. */
  async *results(options: StreamOptions = {}): AsyncGenerator<TaskView, void, undefined> {
    for await (const event of this.events(options)) if (event.type === 'tasks') yield* event.tasks;
  }

  /** Everything that happens to the job until it has ended; goes on by itself after a lost connection. */
  async *events(options: StreamOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
    const id = await orAborted(this.id, options.signal);
    yield* jobEvents(this.#parts.transport, id, options);
  }

  async view(signal?: AbortSignal): Promise<JobView> {
    return this.#parts.transport.call('jobs.get', { id: await this.id }, signal);
  }

  /** Why it is not running, worker by worker. */
  async explain(options: { task?: TaskId; signal?: AbortSignal } = {}): Promise<ExplainView> {
    return this.#parts.transport.call('jobs.explain', { id: await this.id, ...(options.task === undefined ? {} : { task: options.task }) }, options.signal);
  }

  /** false = it had already ended. */
  async cancel(): Promise<boolean> {
    return (await this.#parts.transport.call('jobs.cancel', { id: await this.id })).canceled;
  }

  async tasks(signal?: AbortSignal): Promise<TaskView[]> {
    const tasks: TaskView[] = [];
    for await (const task of settledTasks(this.#parts.transport, await this.id, { signal })) tasks.push(task);
    return tasks.sort((a, b) => a.index - b.index);
  }

  /** One settled task. @throws UdcsError NOT_FOUND while it has not settled */
  async task(index: number, signal?: AbortSignal): Promise<TaskView> {
    for await (const task of settledTasks(this.#parts.transport, await this.id, { signal })) if (task.index === index) return task;
    throw new UdcsError('NOT_FOUND', `task ${index} of ${await this.id} has not ended yet`, { hint: 'wait for the job first' });
  }

  /** Bytes of one output, hash checked. @throws UdcsError NOT_FOUND */
  async output(name: string, index = 0, signal?: AbortSignal): Promise<Uint8Array> {
    const task = await this.task(index, signal);
    return this.outputOf(task, name, signal);
  }

  /** Like `output` for a task that is at hand, such as one from `results()`. */
  async outputOf(task: TaskView, name: string, signal?: AbortSignal): Promise<Uint8Array> {
    const blob = task.outputs[name];
    if (blob === undefined)
      throw new UdcsError('NOT_FOUND', `${task.id} has no output "${name}"`, { hint: `its outputs: ${Object.keys(task.outputs).join(', ') || 'none'}` });
    return this.#parts.artifacts.read(blob, signal === undefined ? {} : { signal });
  }

  /** What awaiting the handle does, with other options. */
  async wait(options: WaitOptions = {}): Promise<JobResult> {
    const { signal, cancelOnAbort, unmatchedAfterMs } = options;
    try {
      const job = await (unmatchedAfterMs === undefined ? this.#ended(signal) : this.#endedOrUnmatched(unmatchedAfterMs, signal));
      return await this.#conclude(job, signal);
    } catch (error) {
      if (signal?.aborted === true && cancelOnAbort === true) await this.cancel();
      throw error;
    }
  }

  #ended(signal: AbortSignal | undefined): Promise<JobView> {
    return orAborted(this.#parts.watch.ended(this.#submitted, !this.#answered, signal), signal);
  }

  async #endedOrUnmatched(afterMs: number, signal: AbortSignal | undefined): Promise<JobView> {
    const settled = new AbortController();
    const either = signal === undefined ? settled.signal : AbortSignal.any([signal, settled.signal]);
    try {
      return await Promise.race([this.#ended(either), this.#unmatched(afterMs, either)]);
    } finally {
      settled.abort();
    }
  }

  /** Never resolves; rejects when nothing of the job can be placed. */
  async #unmatched(afterMs: number, signal: AbortSignal): Promise<never> {
    await orAborted(this.id, signal);
    for (;;) {
      await sleep(Math.max(afterMs, 100), signal);
      const explain = await this.explain({ signal });
      if (explain.verdict === 'unmatched') throw new UnmatchedError(explain);
    }
  }

  async #conclude(job: JobView, signal: AbortSignal | undefined): Promise<JobResult> {
    if (job.state === 'succeeded') return new JobResult(job, this);
    if (job.error !== null) throw new JobFailedError(job, job.error);
    if (job.state === 'canceled') throw new JobFailedError(job, { code: 'CANCELED', message: `job ${job.id} was canceled` });
    for await (const task of settledTasks(this.#parts.transport, await this.id, { signal, state: 'failed' })) {
      if (task.error !== null)
        throw new JobFailedError(job, {
          ...task.error,
          message: `${job.counts.failed} of ${job.counts.total} tasks failed; task ${task.index}: ${task.error.message}`,
        });
    }
    throw new JobFailedError(job, { code: 'INTERNAL', message: `job ${job.id} failed without a reason` });
  }
}
