// The single writer: whatever arrives while a commit runs forms the next group, facts before submits. Keeps groups while the disk
// is full, bisects a group that can not be written, bounds what waits. Pure but for the committer and the timer it is given.
import { type JobId, toUdcsError, UdcsError } from '@udcs/protocol';
import type { BootSnapshot, Fact, JobSnapshot } from '../core/seam.ts';
import { CommitError, type CommitGroup, type CommitResult, type Committer, type SqlResult, type Statement } from './committer.ts';
import { endsIn, factBytes, roughBytes, submitBytes } from './fact-shape.ts';
import type { StoreWriter, SubmitOutcome, SubmitRow } from './store.ts';

type Ended = 'succeeded' | 'failed' | 'canceled';

type Operation = { readonly rows: number; readonly bytes: number; readonly fail: (error: UdcsError) => void } & (
  | { readonly kind: 'facts'; readonly facts: readonly Fact[]; readonly done: (refused: readonly Fact[]) => void }
  | { readonly kind: 'change'; readonly statements: readonly Statement[]; readonly done: (results: readonly SqlResult[]) => void }
  | { readonly kind: 'submit'; readonly submits: readonly SubmitRow[]; readonly done: (outcomes: readonly SubmitOutcome[]) => void }
  | { readonly kind: 'cancel'; readonly job: JobId; readonly atMs: number; readonly done: (outcome: { canceled: boolean }) => void }
);
type OperationOf<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

export interface WriterQueueOptions {
  /** Resolves after that time: the only clock the queue has. */
  readonly wait: (ms: number) => Promise<void>;
  /** What is on disk is unknown, or the writer is gone: the caller must end the process. */
  readonly onFatal: (error: Error) => void;
  readonly maxBacklogRows?: number;
  readonly maxBacklogBytes?: number;
  readonly maxGroupRows?: number;
  readonly maxGroupBytes?: number;
}

const defaults = { maxBacklogRows: 200_000, maxBacklogBytes: 256 * 1024 * 1024, maxGroupRows: 4_000, maxGroupBytes: 16 * 1024 * 1024 };
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 2_000;

export class WriterQueue implements StoreWriter {
  readonly #committer: Committer;
  readonly #options: WriterQueueOptions & typeof defaults;
  /** By urgency: results first, then the marks people wait for, then new work. */
  readonly #waiting = {
    facts: [] as OperationOf<'facts'>[],
    change: [] as OperationOf<'change'>[],
    cancel: [] as OperationOf<'cancel'>[],
    submit: [] as OperationOf<'submit'>[],
  };
  /** Jobs whose end is handed in but not yet committed; the core has forgotten them, the table does not say so yet. */
  readonly #ending = new Map<string, Ended>();
  #rows = 0;
  #bytes = 0;
  #full: CommitError | null = null;
  #dead: CommitError | null = null;
  #closing = false;
  #running: Promise<void> | null = null;

  constructor(committer: Committer, options: WriterQueueOptions) {
    this.#committer = committer;
    this.#options = { ...defaults, ...options };
  }

  get backlog(): { readonly rows: number; readonly bytes: number } {
    return { rows: this.#rows, bytes: this.#bytes };
  }

  /** True while the disk refuses writes. */
  get isFull(): boolean {
    return this.#full !== null;
  }

  get isOverBound(): boolean {
    return this.#rows >= this.#options.maxBacklogRows || this.#bytes >= this.#options.maxBacklogBytes;
  }

  boot(): Promise<BootSnapshot> {
    return this.#committer.boot();
  }

  submit(submits: readonly SubmitRow[]): Promise<readonly SubmitOutcome[]> {
    if (submits.length === 0) return Promise.resolve([]);
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise((done, fail) => this.#add({ kind: 'submit', submits, rows: submits.length, bytes: sum(submits, submitBytes), done, fail }));
  }

  cancel(job: JobId, atMs: number): Promise<{ readonly canceled: boolean }> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise((done, fail) => this.#add({ kind: 'cancel', job, atMs, rows: 1, bytes: 64, done, fail }));
  }

  /** Rarer writes (tokens, artifacts, settings): their statements run in one commit with others. Resolves with their results. */
  change(statements: readonly Statement[]): Promise<readonly SqlResult[]> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise((done, fail) => this.#add({ kind: 'change', statements, rows: statements.length, bytes: roughBytes(statements), done, fail }));
  }

  /** Facts are never turned away: they have happened. The shell pauses its intake by `backlog`. */
  write(facts: readonly Fact[]): Promise<readonly Fact[]> {
    if (this.#dead !== null) return Promise.reject(unavailable(this.#dead));
    if (facts.length === 0) return Promise.resolve([]);
    for (const fact of facts) {
      const end = endsIn(fact);
      if (end !== null) this.#ending.set(end.job, end.state);
    }
    return new Promise((done, fail) => this.#add({ kind: 'facts', facts, rows: facts.length, bytes: sum(facts, factBytes), done, fail }));
  }

  reload(jobs: readonly JobId[]): Promise<readonly JobSnapshot[]> {
    return this.#committer.reload(jobs);
  }

  async close(): Promise<void> {
    this.#closing = true;
    while (this.#running !== null) await this.#running;
    await this.#committer.close();
  }

  #refusal(): UdcsError | null {
    if (this.#dead !== null) return unavailable(this.#dead);
    if (this.#closing) return new UdcsError('STORE_UNAVAILABLE', 'the coordinator is stopping', { hint: 'send it again in a moment' });
    if (this.#full !== null) return unavailable(this.#full);
    if (this.isOverBound)
      return new UdcsError('STORE_UNAVAILABLE', `${this.#rows} changes wait for the disk`, { hint: 'send it again in a moment; nothing of it was written' });
    return null;
  }

  #add(operation: Operation): void {
    this.#rows += operation.rows;
    this.#bytes += operation.bytes;
    (this.#waiting[operation.kind] as Operation[]).push(operation);
    if (this.#running === null) this.#running = this.#run();
  }

  async #run(): Promise<void> {
    // One turn of grace: what the same turn of the event loop still brings joins the first group.
    await Promise.resolve();
    for (let group = this.#take(); group.length > 0 && this.#dead === null; group = this.#take()) await this.#commit(group);
    this.#running = null;
  }

  #take(): Operation[] {
    const group: Operation[] = [];
    let rows = 0;
    let bytes = 0;
    for (const queue of [this.#waiting.facts, this.#waiting.change, this.#waiting.cancel, this.#waiting.submit] as Operation[][]) {
      let taken = 0;
      for (const operation of queue) {
        if (group.length > 0 && (rows + operation.rows > this.#options.maxGroupRows || bytes + operation.bytes > this.#options.maxGroupBytes)) break;
        group.push(operation);
        rows += operation.rows;
        bytes += operation.bytes;
        taken += 1;
      }
      queue.splice(0, taken);
      if (taken > 0 && queue.length > 0) break;
    }
    return group;
  }

  /** Returns when every operation of the group has its answer. */
  async #commit(group: readonly Operation[]): Promise<void> {
    for (let backoffMs = RETRY_FIRST_MS; ; backoffMs = Math.min(backoffMs * 2, RETRY_MAX_MS)) {
      try {
        this.#answer(group, await this.#committer.commit(groupOf(group)));
        this.#full = null;
        return;
      } catch (thrown) {
        const error = thrown instanceof CommitError ? thrown : new CommitError('fatal', toUdcsError(thrown).message, { cause: thrown });
        if (error.failure === 'fatal') return this.#die(group, error);
        if (error.failure === 'illegal') return this.#bisect(group, error);
        this.#full = error;
        group = this.#turnAway(group, error);
        if (group.length === 0 && this.#waiting.facts.length === 0) {
          this.#full = null; // nobody waits: the next one that comes finds out whether there is space again
          return;
        }
        if (this.#closing) return this.#die(group, error);
        await this.#options.wait(backoffMs);
        if (group.length === 0) return;
      }
    }
  }

  /** A full disk keeps only what has happened (facts); whoever waits for an answer is told to come back. */
  #turnAway(group: readonly Operation[], error: CommitError): readonly Operation[] {
    const turned = [...group.filter((operation) => operation.kind !== 'facts'), ...this.#waiting.change, ...this.#waiting.cancel, ...this.#waiting.submit];
    for (const queue of [this.#waiting.change, this.#waiting.cancel, this.#waiting.submit]) queue.length = 0;
    for (const operation of turned) this.#fail(operation, unavailable(error));
    return group.filter((operation) => operation.kind === 'facts');
  }

  async #bisect(group: readonly Operation[], error: CommitError): Promise<void> {
    if (group.length > 1) {
      const middle = group.length >> 1;
      await this.#commit(group.slice(0, middle));
      await this.#commit(group.slice(middle));
      return;
    }
    const only = group[0];
    if (only === undefined) return;
    if (only.kind === 'facts') return this.#bisectFacts(only, error);
    if (only.kind === 'submit' && only.submits.length > 1) return this.#bisectSubmits(only);
    const record = new UdcsError('INVALID_INPUT', `the store can not take it: ${error.message}`, { cause: error });
    if (only.kind === 'submit') this.#settle(only, () => only.done([{ ok: false, error: record.toRecord() }]));
    else this.#fail(only, record);
  }

  async #bisectFacts(operation: OperationOf<'facts'>, error: CommitError): Promise<void> {
    if (operation.facts.length === 1) {
      this.#forgetEnds(operation.facts);
      this.#settle(operation, () => operation.done(operation.facts));
      return;
    }
    const refused: Fact[] = [];
    const middle = operation.facts.length >> 1;
    for (const facts of [operation.facts.slice(0, middle), operation.facts.slice(middle)]) {
      await new Promise<void>((resolve, reject) => {
        const part: OperationOf<'facts'> = { kind: 'facts', facts, rows: 0, bytes: 0, done: (list) => resolve(void refused.push(...list)), fail: reject };
        this.#commit([part]).catch(reject);
      }).catch((thrown: unknown) => this.#fail(operation, toUdcsError(thrown, 'STORE_UNAVAILABLE')));
      if (this.#dead !== null) return;
    }
    this.#settle(operation, () => operation.done(refused));
    void error;
  }

  async #bisectSubmits(operation: OperationOf<'submit'>): Promise<void> {
    const outcomes: SubmitOutcome[] = [];
    for (const row of operation.submits) {
      let failure: UdcsError | null = null;
      const part: OperationOf<'submit'> = {
        kind: 'submit',
        submits: [row],
        rows: 0,
        bytes: 0,
        done: (list) => outcomes.push(...list),
        fail: (error) => {
          failure = error;
        },
      };
      await this.#commit([part]);
      if (failure !== null) outcomes.push({ ok: false, error: (failure as UdcsError).toRecord() });
    }
    this.#settle(operation, () => operation.done(outcomes));
  }

  #answer(group: readonly Operation[], result: CommitResult): void {
    const refused = new Set(result.refused);
    const at = { change: 0, submit: 0, cancel: 0 };
    for (const operation of group) {
      this.#settle(operation, () => {
        if (operation.kind === 'facts') {
          this.#forgetEnds(operation.facts);
          operation.done(refused.size === 0 ? [] : operation.facts.filter((fact) => refused.has(fact)));
        } else if (operation.kind === 'change') {
          operation.done(result.changes[at.change++] ?? []);
        } else if (operation.kind === 'cancel') {
          operation.done({ canceled: result.canceled[at.cancel++] ?? false });
        } else {
          const from = at.submit;
          at.submit += operation.submits.length;
          operation.done(result.submits.slice(from, at.submit).map((outcome) => this.#withPendingEnds(outcome)));
        }
      });
    }
  }

  /** An upstream whose end waits for the next group has ended too: its commit comes before any of the new job's. */
  #withPendingEnds(outcome: SubmitOutcome): SubmitOutcome {
    if (!outcome.ok || outcome.existing || this.#ending.size === 0) return outcome;
    const { job } = outcome;
    const pending = [...job.spec.after, ...job.spec.afterAny].flatMap((id) => {
      const state = this.#ending.get(id);
      return state === undefined ? [] : [[id, state] as const];
    });
    return pending.length === 0 ? outcome : { ...outcome, job: { ...job, upstreamEnded: { ...Object.fromEntries(pending), ...job.upstreamEnded } } };
  }

  #forgetEnds(facts: readonly Fact[]): void {
    if (this.#ending.size === 0) return;
    for (const fact of facts) if (fact.type === 'job.counted' && fact.endedAtMs !== null) this.#ending.delete(fact.job);
  }

  #settle(operation: Operation, answer: () => void): void {
    this.#rows -= operation.rows;
    this.#bytes -= operation.bytes;
    answer();
  }

  #fail(operation: Operation, error: UdcsError): void {
    this.#settle(operation, () => operation.fail(error));
  }

  #die(group: readonly Operation[], error: CommitError): void {
    this.#dead = error;
    for (const operation of [...group, ...this.#waiting.facts, ...this.#waiting.change, ...this.#waiting.cancel, ...this.#waiting.submit])
      this.#fail(operation, unavailable(error));
    for (const queue of Object.values(this.#waiting)) queue.length = 0;
    this.#options.onFatal(error);
  }
}

function sum<T>(items: readonly T[], bytesOf: (item: T) => number): number {
  let bytes = 0;
  for (const item of items) bytes += bytesOf(item);
  return bytes;
}

function groupOf(operations: readonly Operation[]): CommitGroup {
  const changes: (readonly Statement[])[] = [];
  const facts: Fact[] = [];
  const submits: SubmitRow[] = [];
  const cancels: { job: JobId; atMs: number }[] = [];
  for (const operation of operations) {
    if (operation.kind === 'facts') facts.push(...operation.facts);
    else if (operation.kind === 'change') changes.push(operation.statements);
    else if (operation.kind === 'submit') submits.push(...operation.submits);
    else cancels.push({ job: operation.job, atMs: operation.atMs });
  }
  return { changes, facts, submits, cancels };
}

const unavailable = (cause: CommitError): UdcsError =>
  new UdcsError('STORE_UNAVAILABLE', `the store can not write now: ${cause.message}`, {
    hint: cause.failure === 'full' ? 'free disk space on the coordinator; nothing of this request was written' : 'restart the coordinator',
    cause,
  });
