// Turns committed facts into what subscribers see: settled tasks and the job's new face, in the order of `seq`; and counts
// what the overview shows.
import { type JobEvent, type JobId, type JobView, type TaskView, taskIdOf } from '@udcs/protocol';
import type { AttemptRecord, Fact } from '../core/seam.ts';
import type { Feed } from './feed.ts';
import type { JobCatalog } from './job-catalog.ts';
import type { LiveFeed } from './live-feed.ts';
import { Throughput } from './throughput.ts';

type Settled = Extract<Fact, { type: 'task.settled' }>;

export class Publisher {
  readonly throughput = new Throughput();
  private readonly catalog: JobCatalog;
  private readonly feed: Feed;
  private readonly live: LiveFeed;
  private readonly activeOf: (job: JobId) => number;

  constructor(catalog: JobCatalog, feed: Feed, live: LiveFeed, activeOf: (job: JobId) => number) {
    this.catalog = catalog;
    this.feed = feed;
    this.live = live;
    this.activeOf = activeOf;
  }

  /** The face of a job that is alive; null = ended (read it from the store) or unknown. */
  jobView(job: JobId): JobView | null {
    const live = this.catalog.get(job);
    return live === undefined ? null : this.catalog.view(live, this.activeOf(job));
  }

  /** A new job's first face, once its commit holds: lists show it before a worker has touched it. */
  submitted(job: JobId): void {
    const live = this.catalog.get(job);
    if (live !== undefined) this.feed.tellJobs(this.catalog.view(live, 0));
  }

  publish(facts: readonly Fact[], nowMs: number): void {
    const settled = new Map<JobId, { seq: number; tasks: TaskView[] }>();
    const counted = new Set<JobId>();
    let succeeded = 0;
    for (const fact of facts) {
      if (fact.type === 'task.settled') {
        if (fact.state === 'succeeded') succeeded++;
        if (fact.by !== null) this.live.ended(fact.by);
        if (this.feed.hasJob(fact.job)) note(settled, fact);
      } else if (fact.type === 'attempt.ended') this.live.ended(fact.record);
      else if (fact.type === 'job.counted' && this.catalog.count(fact) !== undefined) counted.add(fact.job);
    }
    if (succeeded > 0) this.throughput.add(succeeded, nowMs);
    for (const [job, { seq, tasks }] of settled) this.feed.tellJob(job, { type: 'tasks', seq, tasks });
    for (const job of counted) this.tellCounted(job);
  }

  private tellCounted(job: JobId): void {
    const live = this.catalog.get(job);
    if (live === undefined) return;
    const view = this.catalog.view(live, this.activeOf(job));
    const event: JobEvent = { type: 'job', seq: view.seq, job: view };
    if (view.endedAtMs !== null) this.catalog.forget(job);
    this.feed.tellJob(job, event);
  }
}

function note(settled: Map<JobId, { seq: number; tasks: TaskView[] }>, fact: Settled): void {
  const entry = settled.get(fact.job) ?? { seq: 0, tasks: [] };
  settled.set(fact.job, entry);
  entry.seq = Math.max(entry.seq, fact.seq);
  entry.tasks.push(taskViewOf(fact));
}

export function taskViewOf(fact: Settled): TaskView {
  const by: AttemptRecord | null = fact.by;
  return {
    id: taskIdOf(fact.job, fact.key),
    key: fact.key,
    index: fact.index,
    state: fact.state,
    attempts: fact.attempts,
    worker: by?.worker ?? null,
    ...(fact.value === undefined ? {} : { value: fact.value }),
    outputs: { ...fact.outputs },
    exitCode: by?.exitCode ?? null,
    log: by?.log ?? null,
    error: fact.error,
    endedAtMs: fact.endedAtMs,
  };
}
