// No gap and no duplicate, from any cursor, whatever the timing of commits, announcements, reads and reconnects.
import { isTrackedEnvelope } from '@trpc/server';
import type { JobEvent, JobId, JobView, TaskView } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobEvents } from './job-events.ts';

const ID = 'job_00000000000000000000000000' as JobId;

/** A job in a store that commits at once and announces later, in order, like the real one. */
class FakeJob {
  seq = 0;
  readonly settled: { seq: number; task: TaskView }[] = [];
  private readonly total: number;
  private readonly unannounced: JobEvent[] = [];
  private readonly listeners = new Set<(event: JobEvent) => void>();

  constructor(total: number) {
    this.total = total;
  }

  view(): JobView {
    const succeeded = this.settled.length;
    const ended = succeeded === this.total;
    return {
      id: ID,
      name: '',
      owner: 'alice',
      types: ['MOCK'],
      state: ended ? 'succeeded' : 'running',
      counts: { total: this.total, succeeded, failed: 0, canceled: 0, active: 0 },
      priority: 50,
      labels: {},
      seq: this.seq,
      submittedAtMs: 0,
      startedAtMs: 0,
      endedAtMs: ended ? 1 : null,
      canceledAtMs: null,
      repeatedAttempts: 0,
      error: null,
    };
  }

  commit(tasks: number): void {
    const made: TaskView[] = [];
    for (let at = 0; at < tasks && this.settled.length < this.total; at++) {
      this.seq++;
      const index = this.settled.length;
      const task: TaskView = {
        id: `${ID}.${index}`,
        key: String(index),
        index,
        state: 'succeeded',
        attempts: 1,
        worker: null,
        outputs: {},
        exitCode: 0,
        log: null,
        error: null,
        endedAtMs: 1,
      };
      this.settled.push({ seq: this.seq, task });
      made.push(task);
    }
    if (made.length === 0) return;
    this.unannounced.push({ type: 'tasks', seq: this.seq, tasks: made }, { type: 'job', seq: this.seq, job: this.view() });
  }

  announce(): void {
    for (const event of this.unannounced.splice(0, 2)) for (const listener of this.listeners) listener(event);
  }

  get isQuiet(): boolean {
    return this.unannounced.length === 0 && this.settled.length === this.total;
  }

  readonly grid = {
    onJob: (_job: JobId, listener: (event: JobEvent) => void) => {
      this.listeners.add(listener);
      return () => void this.listeners.delete(listener);
    },
    recentLog: () => [],
  };

  get listening(): number {
    return this.listeners.size;
  }

  reads(pauses: () => number) {
    const later = async () => {
      for (let at = pauses(); at > 0; at--) await null;
    };
    return {
      job: async () => {
        await later();
        return this.view();
      },
      settledAfter: async (_job: JobId, afterSeq: number) => {
        await later();
        const found = this.settled.filter((row) => row.seq > afterSeq);
        const page = found.slice(0, 3); // small pages, so that the paging is exercised
        await later();
        return { tasks: page.map((row) => row.task), seq: page.at(-1)?.seq ?? afterSeq, more: found.length > page.length };
      },
    };
  }
}

/** Follows the job as a client does: from its cursor, over as many connections as `cuts` says. */
async function follow(job: FakeJob, cuts: readonly number[], pauses: () => number): Promise<number[]> {
  const seen: number[] = [];
  let cursor = 0;
  for (let connection = 0; ; connection++) {
    const leaving = new AbortController();
    let events = 0;
    let ended = false;
    for await (const told of jobEvents(
      { grid: job.grid, reads: job.reads(pauses) },
      { id: ID, owner: 'alice', afterSeq: cursor, live: false, signal: leaving.signal },
    )) {
      const event = (isTrackedEnvelope(told) ? told[1] : told) as JobEvent;
      if (isTrackedEnvelope(told)) cursor = Number(told[0]);
      if (event.type === 'tasks') for (const task of event.tasks) seen.push(task.index);
      ended = event.type === 'job' && event.job.endedAtMs !== null && event.seq === event.job.seq;
      if (++events === cuts[connection]) leaving.abort();
    }
    if (ended) return seen;
  }
}

describe('events of a job', () => {
  it('tell every task once, in order, over any reconnects, and end with the ended job', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 }),
        fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 50 }),
        async (total, steps, cuts, delays) => {
          const job = new FakeJob(total);
          let at = 0;
          const pauses = () => delays[at++ % delays.length] as number;
          const following = follow(job, cuts, pauses);
          for (let step = 0; !job.isQuiet; step++) {
            if ((steps[step % Math.max(1, steps.length)] ?? 1) % 2 === 0) job.announce();
            else job.commit((steps[step] ?? 3) % 5 || 1);
            if (steps.length === 0 || step > steps.length) {
              job.commit(2);
              job.announce();
            }
            for (let wait = pauses(); wait > 0; wait--) await null;
          }
          expect(await following).toEqual(Array.from({ length: total }, (_, index) => index));
          expect(job.listening).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('send a subscriber that fell behind back to the store instead of keeping what it has not read', async () => {
    const job = new FakeJob(400);
    const leaving = new AbortController();
    const events = jobEvents({ grid: job.grid, reads: job.reads(() => 0) }, { id: ID, owner: null, afterSeq: 0, live: false, signal: leaving.signal });
    await events.next();
    const seen: number[] = [];
    const inline = 'A'.repeat(87_000);
    while (job.settled.length < 400) {
      job.commit(1);
      const last = job.settled.at(-1) as { task: TaskView };
      last.task.outputs['out'] = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 65_000, inline };
      job.announce(); // 400 × 87 kB is far over what one subscription may keep
    }
    for await (const told of events) {
      const event = (isTrackedEnvelope(told) ? told[1] : told) as JobEvent;
      if (event.type === 'tasks') for (const task of event.tasks) seen.push(task.index);
    }
    expect(seen).toEqual(Array.from({ length: 400 }, (_, index) => index));
  });
});
