// One turn: collects facts and messages while an event is applied or tasks are placed, and makes the outcome. A job's seq rises
// once per turn that changes it, and its counters are written once, after the facts that moved them.
import { type Assignment, type AttemptRef, limits, type WorkerId } from '@udcs/protocol';
import type { PlanEvent } from '@udcs/tasks';
import type { Fleet, Job, Worker } from './model.ts';
import type { CoreMessage, Fact, Now, Outcome, Send } from './seam.ts';

type CancelReason = Extract<CoreMessage, { type: 'cancel' }>['reason'];

export class Turn {
  readonly fleet: Fleet;
  readonly now: Now;
  readonly facts: Fact[] = [];
  /** What the plans of jobs have to learn, and jobs that ended: follow.ts draws the conclusions before the turn is over. */
  readonly lessons = new Map<Job, PlanEvent[]>();
  readonly ended: Job[] = [];
  private readonly sends: Send[] = [];
  private readonly touched = new Set<Job>();
  private readonly batches = new Map<WorkerId, Map<string, AttemptRef[]>>();
  /** Workers that got something; what, they carry themselves until the turn ends. */
  private readonly served: Worker[] = [];

  constructor(fleet: Fleet, now: Now) {
    this.fleet = fleet;
    this.now = now;
    fleet.turn++;
  }

  /** Call before the first durable change of a job in this turn. */
  touch(job: Job): void {
    if (this.touched.has(job)) return;
    this.touched.add(job);
    job.seq++;
  }

  /** Notes what happened for the plan of the job, if one is still running. */
  teach(job: Job, event: PlanEvent): void {
    if (job.plan === null || job.plan.done) return;
    const events = this.lessons.get(job);
    if (events === undefined) this.lessons.set(job, [event]);
    else events.push(event);
  }

  assign(worker: Worker, assignment: Assignment): void {
    if (worker.offers === null) {
      worker.offers = [assignment];
      this.served.push(worker);
    } else worker.offers.push(assignment);
  }

  /** After the commit of everything up to now: an earlier frame with the same result may still be on its way to the disk. */
  ack(worker: WorkerId, ref: AttemptRef): void {
    this.batch(worker, 'ack').push(ref);
  }

  cancel(worker: WorkerId, ref: AttemptRef, reason: CancelReason): void {
    this.batch(worker, reason).push(ref);
  }

  revoke(worker: WorkerId, ref: AttemptRef): void {
    this.batch(worker, 'revoke').push(ref);
  }

  send(to: WorkerId, message: CoreMessage, after: 'commit' | 'now'): void {
    this.sends.push({ to, message, after });
  }

  finish(wakeAtMs: number | null = this.fleet.timers.nextAtMonoMs()): Outcome {
    for (const job of this.touched) this.facts.push(counted(job));
    for (const worker of this.served) {
      for (const tasks of parts(worker.offers ?? [])) this.send(worker.id, { type: 'assign', tasks }, 'now');
      worker.offers = null;
    }
    for (const [to, byKind] of this.batches) for (const [kind, refs] of byKind) for (const attempts of parts(refs)) this.sendBatch(to, kind, attempts);
    return { facts: this.facts, sends: this.sends, wakeAtMs };
  }

  private sendBatch(to: WorkerId, kind: string, attempts: AttemptRef[]): void {
    if (kind === 'ack') this.send(to, { type: 'ack', attempts }, 'commit');
    else if (kind === 'revoke') this.send(to, { type: 'revoke', attempts }, 'now');
    // A stale attempt may have a result that is settled but not yet durable: the worker may drop it only after the commit.
    else this.send(to, { type: 'cancel', attempts, reason: kind as CancelReason }, kind === 'stale' ? 'commit' : 'now');
  }

  private batch(worker: WorkerId, kind: string): AttemptRef[] {
    let byKind = this.batches.get(worker);
    if (byKind === undefined) {
      byKind = new Map();
      this.batches.set(worker, byKind);
    }
    let refs = byKind.get(kind);
    if (refs === undefined) {
      refs = [];
      byKind.set(kind, refs);
    }
    return refs;
  }
}

function counted(job: Job): Fact {
  const { id, seq, total, succeeded, failed, canceled, repeated, startedAtMs, endedAtMs, error } = job;
  return { type: 'job.counted', job: id, seq, total, succeeded, failed, canceled, repeated, startedAtMs, endedAtMs, error };
}

/** As many as one frame may hold. */
function parts<T>(items: T[]): T[][] {
  if (items.length <= limits.recordsPerFrame) return [items];
  const cut: T[][] = [];
  for (let from = 0; from < items.length; from += limits.recordsPerFrame) cut.push(items.slice(from, from + limits.recordsPerFrame));
  return cut;
}
