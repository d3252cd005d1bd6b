// The grid as a program sees it: typed calls and subscriptions, jobs, artifacts, and one short way per task type to submit
// bytes without writing a job by hand.
import type { Job, JobId, JobView, ProcedureInput, ProcedureName, ProcedureOutput, ProceduresOfKind, WorkerView } from '@udcs/protocol';
import { Artifacts } from './artifacts.ts';
import { type ExecOptions, execJob, type MapOptions, mapJob, type WasmOptions, type WgslOptions, wasmJob, wgslJob } from './builders.ts';
import type { Uploadable } from './byte-source.ts';
import { JobHandle, type WaitOptions } from './job-handle.ts';
import { type Awaited, SettleWatch } from './settle-watch.ts';
import { SubmitQueue } from './submit-queue.ts';
import type { Transport } from './transport.ts';

export class Grid {
  readonly artifacts: Artifacts;
  readonly #transport: Transport;
  readonly #queue: SubmitQueue;
  readonly #watch: SettleWatch;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.artifacts = new Artifacts(transport);
    this.#queue = new SubmitQueue(transport);
    this.#watch = new SettleWatch(transport);
  }

  /** Address of the coordinator. */
  get url(): string {
    return this.#transport.options.url;
  }

  /** One procedure of the API table, such as `grid.call('jobs.get', { id })`. @throws UdcsError */
  call<P extends ProceduresOfKind<'query' | 'mutation'>>(
    procedure: P,
    input: ProcedureInput<P>,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<ProcedureOutput<P>> {
    return this.#transport.call(procedure, input, options.signal);
  }

  /** Events of a subscription of the API table, until `signal` is aborted or the loop is left. `onStarted` is told when the coordinator has taken it up. */
  subscribe<P extends ProceduresOfKind<'subscription'> & ProcedureName>(
    procedure: P,
    input: ProcedureInput<P>,
    { signal, onStarted }: { signal?: AbortSignal | undefined; onStarted?: (() => void) | undefined } = {},
  ): AsyncGenerator<ProcedureOutput<P>, void, undefined> {
    return this.#transport.subscribe(procedure, input, { ...(signal === undefined ? {} : { signal }), ...(onStarted === undefined ? {} : { onStarted }) });
  }

  /** Resolves once the coordinator has answered. @throws UdcsError UNREACHABLE, UNAUTHENTICATED */
  ready(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    return this.#transport.ready(options.signal);
  }

  /** Submits; jobs submitted in the same tick travel together. */
  submit(job: Job, options: WaitOptions = {}): JobHandle {
    return this.#handle(this.#queue.submit(job), options);
  }

  submitMany(jobs: readonly Job[], options: WaitOptions = {}): JobHandle[] {
    return jobs.map((job) => this.submit(job, options));
  }

  /** A job that was submitted before. */
  job(id: JobId, options: WaitOptions = {}): JobHandle {
    return this.#handle(Promise.resolve({ id }), options);
  }

  /** Runs a WASI program or an exported function; `stdout` is the output's name. */
  wasm(module: Uploadable, options: WasmOptions = {}): JobHandle {
    return this.#build(wasmJob(this.artifacts, module, options), options);
  }

  /** Runs a compute shader over named buffers. */
  wgsl(code: string, options: WgslOptions): JobHandle {
    return this.#build(wgslJob(this.artifacts, code, options), options);
  }

  /** Runs a native executable for one or more platforms. */
  exec(options: ExecOptions): JobHandle {
    return this.#build(execJob(this.artifacts, options), options);
  }

  /** One task per input: a WASI program that reads the input on stdin and writes its result, the output `stdout`, to stdout. */
  map(options: MapOptions): JobHandle {
    return this.#build(mapJob(this.artifacts, options), options);
  }

  jobs(query: ProcedureInput<'jobs.list'> = {}, options: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<JobView, void, undefined> {
    return this.#pages((cursor) => this.call('jobs.list', { ...query, ...cursor }, options));
  }

  workers(query: ProcedureInput<'workers.list'> = {}, options: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<WorkerView, void, undefined> {
    return this.#pages((cursor) => this.call('workers.list', { ...query, ...cursor }, options));
  }

  /** Ends the connection; jobs go on. Node exits only after this. */
  async close(): Promise<void> {
    this.#watch.close();
    await this.#transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #build(job: Promise<Job>, options: WaitOptions): JobHandle {
    return this.#handle(
      job.then((built) => this.#queue.submit(built)),
      options,
    );
  }

  #handle(submitted: Promise<Awaited>, wait: WaitOptions): JobHandle {
    return new JobHandle(submitted, { transport: this.#transport, artifacts: this.artifacts, watch: this.#watch, wait });
  }

  async *#pages<T>(page: (cursor: { cursor?: string }) => Promise<{ items: T[]; nextCursor: string | null }>): AsyncGenerator<T, void, undefined> {
    let cursor: { cursor?: string } | null = {};
    while (cursor !== null) {
      const { items, nextCursor }: { items: T[]; nextCursor: string | null } = await page(cursor);
      yield* items;
      cursor = nextCursor === null ? null : { cursor: nextCursor };
    }
  }
}
