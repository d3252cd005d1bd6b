// The judge: sees every frame, fact and commit of a simulation from outside and says when a promise is broken. It believes
// the wire and the disk, never the fleet's own word, except where it checks the fleet's books.
import { type AttemptRef, type FromWorker, type JobId, splitTaskId, type TaskId, type ToWorker } from '@udcs/protocol';
import type { Fleet } from '../../server/src/core/index.ts';
import type { Fact } from '../../server/src/core/seam.ts';
import type { CommitGroup, CommitResult } from '../../server/src/store/committer.ts';
import type { Disk, JobRow } from './disk.ts';
import { keyOf } from './sim-worker.ts';

export class Violation extends Error {
  override readonly name = 'Violation';
}

interface Granted {
  readonly worker: string;
  readonly instance: string;
}

export class Witness {
  /** Attempts that went out in an assignment frame, and to whom. */
  readonly granted = new Map<string, Granted>();
  /** Ids of workers that lie. */
  readonly liars = new Set<string>();
  private readonly disk: Disk;
  /** Ends of attempts and tasks on their way to the disk in this life. */
  private readonly underWay = new Map<string, number>();
  private readonly settling = new Set<TaskId>();
  private readonly endedHere = new Set<string>();
  private readonly endedDurably = new Set<string>();
  /** What workers said of their attempts: worker and attempt → values. */
  private readonly reported = new Map<string, Set<string>>();
  private readonly seen = new Map<TaskId, string>();
  private readonly acceptedByKey = new Map<string, JobId>();
  results = 0;
  /** The first broken promise; also thrown, but somebody on the way may have caught it. */
  broken: Violation | null = null;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  private violated(promise: string, detail: string): never {
    const violation = new Violation(`${promise}: ${detail}`);
    this.broken ??= violation;
    throw violation;
  }

  /** The coordinator died: what was not durable has not happened. */
  lifeEnded(): void {
    this.underWay.clear();
    this.settling.clear();
    this.endedHere.clear();
  }

  sent(worker: { readonly id: string; readonly instance: string }, message: ToWorker, fleet: Fleet | null): void {
    if (message.type === 'assign') for (const ref of message.tasks) this.assigned(worker, ref, fleet);
    if (message.type === 'ack') for (const ref of message.attempts) this.acked(worker, ref);
    if (message.type === 'welcome') for (const ref of message.adopted) this.adopted(worker, ref);
  }

  private assigned(worker: { readonly id: string; readonly instance: string }, ref: AttemptRef, fleet: Fleet | null): void {
    const key = keyOf(ref);
    if (this.granted.has(key)) this.violated('an attempt is given to one worker once', key);
    this.granted.set(key, { worker: worker.id, instance: worker.instance });
    const { jobId, key: taskKey } = splitTaskId(ref.task);
    const row = this.disk.jobs.get(jobId);
    if (row === undefined) this.violated('only durable jobs run', jobId);
    const { after, afterAny } = row.submitted.job.spec;
    for (const upstream of after)
      if (this.disk.endOf(upstream) !== 'succeeded')
        this.violated('dependents wait for the durable success of their upstream', `${ref.task} after ${upstream}`);
    for (const upstream of afterAny)
      if (this.disk.endOf(upstream) === null) this.violated('dependents wait for the durable end of their upstream', `${ref.task} after ${upstream}`);
    if (row.submitted.job.spec.variants[0]?.type === 'VIDEO_ENCODE' && !row.plan?.pieces.some((piece) => piece.key === taskKey))
      this.violated('pieces of a plan run when they are durable', ref.task);
    const known = fleet?.workers.get(worker.id as `wkr_${string}`);
    if (known !== undefined && known.state !== 'online')
      this.violated('nothing is assigned to a suspect or draining worker', `${key} to ${known.state} ${worker.id}`);
  }

  private acked(worker: { readonly id: string }, ref: AttemptRef): void {
    // A liar may be told to forget somebody else's attempt at any time.
    if (this.granted.get(keyOf(ref))?.worker !== worker.id) return;
    if (this.underWay.has(keyOf(ref))) this.violated('an acknowledged result is durable', keyOf(ref));
  }

  private adopted(worker: { readonly id: string; readonly instance: string }, ref: AttemptRef): void {
    const grant = this.granted.get(keyOf(ref));
    if (grant === undefined) this.violated('only attempts that were given are adopted', `${keyOf(ref)} was never assigned`);
    if (grant.worker !== worker.id || grant.instance !== worker.instance)
      this.violated('an attempt is adopted from its own worker only', `${keyOf(ref)} shown by ${worker.id}, given to ${grant.worker}`);
  }

  /** A worker sent this, whether it arrives or not. */
  heard(worker: string, message: FromWorker): void {
    if (message.type !== 'report') return;
    for (const success of message.succeeded ?? []) {
      const key = `${worker} ${keyOf(success)}`;
      const values = this.reported.get(key) ?? new Set();
      this.reported.set(key, values);
      values.add(JSON.stringify(success.value));
    }
  }

  facts(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.type === 'task.settled') this.settled(fact);
      else if (fact.type === 'attempt.ended') this.ended(fact.record, fact.record.worker);
    }
  }

  private settled(fact: Extract<Fact, { type: 'task.settled' }>): void {
    const task: TaskId = `${fact.job}.${fact.key}`;
    if (this.settling.has(task) || this.disk.jobs.get(fact.job)?.tasks.has(fact.index)) this.violated('a task is settled once', task);
    this.settling.add(task);
    if (fact.by === null) {
      if (fact.state === 'succeeded') this.violated('a success has an attempt', task);
      return;
    }
    if (fact.by.task !== task) this.violated('a task is settled by its own attempt', `${task} by ${keyOf(fact.by)}`);
    if (fact.state === 'succeeded' && !this.reported.get(`${fact.by.worker} ${keyOf(fact.by)}`)?.has(JSON.stringify(fact.value)))
      this.violated('a result comes from the attempt that is named for it', `${task}: ${JSON.stringify(fact.value)} by ${keyOf(fact.by)}`);
    this.ended(fact.by, fact.by.worker);
  }

  private ended(ref: AttemptRef, worker: string): void {
    const key = keyOf(ref);
    const grant = this.granted.get(key);
    if (grant !== undefined && grant.worker !== worker) this.violated('an attempt ends by its own worker', `${key} of ${grant.worker} ended by ${worker}`);
    if (this.endedHere.has(key) || this.endedDurably.has(key)) this.violated('an attempt ends once', key);
    this.endedHere.add(key);
    this.underWay.set(key, (this.underWay.get(key) ?? 0) + 1);
  }

  /** A success must come from an attempt that really went out. Checked at the commit, when its frame must have left. */
  private proven(fact: Fact): void {
    // A liar may guess an attempt that is its own before it is told of it; its results are as good as ever.
    if (fact.type === 'task.settled' && this.liars.has(fact.by?.worker ?? '')) return;
    if (fact.type === 'task.settled' && fact.state === 'succeeded' && fact.by !== null && !this.granted.has(keyOf(fact.by)))
      this.violated('a success comes from an attempt that was given', keyOf(fact.by));
  }

  committed(group: CommitGroup, result: CommitResult): void {
    const refused = new Set(result.refused);
    for (const fact of group.facts) {
      this.landed(fact, refused.has(fact));
      if (!refused.has(fact)) this.proven(fact);
    }
    for (const fact of group.facts) {
      const row = fact.type === 'job.counted' ? this.disk.jobs.get(fact.job) : undefined;
      if (row !== undefined) this.booksBalance(row);
    }
  }

  private landed(fact: Fact, refused: boolean): void {
    if (fact.type === 'task.settled') {
      this.settling.delete(`${fact.job}.${fact.key}`);
      if (refused && this.disk.jobs.get(fact.job)?.canceledAtMs === null)
        this.violated('the store has no reason to refuse a settlement', `${fact.job}.${fact.key}`);
    }
    const record = fact.type === 'task.settled' ? fact.by : fact.type === 'attempt.ended' ? fact.record : null;
    if (record === null) return;
    const key = keyOf(record);
    this.underWay.delete(key);
    if (!refused) this.endedDurably.add(key);
    // The core takes the job back from the store; what it holds of this attempt then is void.
    else this.endedHere.delete(key);
  }

  private booksBalance(row: JobRow): void {
    const { counted, tasks } = row;
    const rows = [...tasks.values()].filter((task) => task.seq <= counted.seq);
    const id = row.submitted.job.id;
    const has = (state: string): number => rows.filter((task) => task.state === state).length;
    if (has('succeeded') !== counted.succeeded || has('failed') !== counted.failed)
      this.violated('the counters of a job are its ended tasks', `${id}: ${counted.succeeded}+${counted.failed}, rows ${has('succeeded')}+${has('failed')}`);
    if (counted.endedAtMs !== null && counted.succeeded + counted.failed + counted.canceled !== counted.total)
      this.violated('a job ends when its tasks have', `${id} ${JSON.stringify(counted)}`);
    if (counted.succeeded + counted.failed + counted.canceled > counted.total) this.violated('no job has more ended tasks than tasks', id);
  }

  /** The submitter was told ok. */
  accepted(key: string, job: JobId): void {
    if (!this.disk.jobs.has(job)) this.violated('an accepted job is durable', job);
    const earlier = this.acceptedByKey.get(key);
    if (earlier !== undefined && earlier !== job) this.violated('the same key is the same job', `${key}: ${earlier} and ${job}`);
    this.acceptedByKey.set(key, job);
  }

  /** A client saw the result of a task. */
  saw(task: TaskId, value: unknown): void {
    this.results++;
    const text = JSON.stringify(value);
    const earlier = this.seen.get(task);
    if (earlier !== undefined && earlier !== text) this.violated('a task has one result', `${task}: ${earlier} and ${text}`);
    this.seen.set(task, text);
    const { jobId } = splitTaskId(task);
    const rows = [...(this.disk.jobs.get(jobId)?.tasks.values() ?? [])];
    const row = rows.find((candidate) => `${jobId}.${candidate.key}` === task);
    if (row === undefined || JSON.stringify(row.value) !== text) this.violated('a result is shown when it is durable', task);
  }

  /** The fleet's own books, after every step. */
  audit(fleet: Fleet): void {
    for (const worker of fleet.workers.values()) {
      const { used, introduction } = worker;
      const { pools } = introduction.capabilities;
      if (used.slots < 0 || used.cpus < -1e-6 || used.memoryBytes < 0 || used.diskBytes < 0 || used.vramBytes < 0 || used.gpus < 0)
        this.violated('the ledger is never negative', `${worker.id} ${JSON.stringify(used)}`);
      if (used.slots > pools.slots) this.violated('no worker holds more than its slots', `${worker.id} ${used.slots} of ${pools.slots}`);
    }
  }

  /** After the end: every accepted job is there, ended, and every result that was shown still stands. */
  final(): void {
    const keys = new Set<string>();
    for (const [key, job] of this.acceptedByKey) if (!this.disk.jobs.has(job)) this.violated('an accepted job is never lost', `${key} ${job}`);
    for (const row of this.disk.jobs.values()) {
      const key = row.submitted.idempotencyKey ?? row.submitted.payloadHash;
      if (keys.has(key)) this.violated('the same key is one job', key);
      keys.add(key);
      if (row.counted.endedAtMs === null)
        this.violated('every job ends once faults stop', `${row.submitted.job.id} ${JSON.stringify({ ...row.counted, canceledAtMs: row.canceledAtMs })}`);
      for (const task of row.tasks.values()) {
        const id: TaskId = `${row.submitted.job.id}.${task.key}`;
        const shown = this.seen.get(id);
        if (shown !== undefined && (task.state !== 'succeeded' || JSON.stringify(task.value) !== shown)) this.violated('a shown result stands', id);
      }
    }
  }
}
