// What is live only: log lines and progress of running attempts, passed on a few times a second and kept in small rings
// for subscribers that come late. Bounded in lines, bytes and attempts, whatever workers send.
import { type AttemptRef, type JobEvent, type JobId, splitTaskId, type WorkerId } from '@udcs/protocol';
import { attemptKey } from './grants.ts';
import type { Clock, Timers } from './seam.ts';

type LogLine = Extract<JobEvent, { type: 'log' }>['lines'][number];
type Progress = Extract<JobEvent, { type: 'progress' }>['tasks'][number];

const FLUSH_MS = 100;
const RING_LINES = 200;
const RINGS = 2_000;
const RING_CHARS_TOTAL = 8 * 1024 * 1024;
/** Lines and progress marks passed on per job and flush; more are counted and said so. */
const LINES_PER_FLUSH = 200;
const PROGRESS_PER_FLUSH = 500;

interface Pending {
  lines: LogLine[];
  leftOut: number;
  last: LogLine | null;
  progress: Map<string, Progress>;
}

export class LiveFeed {
  private readonly rings = new Map<string, { job: JobId; lines: LogLine[] }>();
  private readonly pending = new Map<JobId, Pending>();
  private timed = false;
  private ringChars = 0;

  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly publish: (job: JobId, event: JobEvent) => void;

  constructor(clock: Clock, timers: Timers, publish: (job: JobId, event: JobEvent) => void) {
    this.clock = clock;
    this.timers = timers;
    this.publish = publish;
  }

  log(ref: AttemptRef, stream: LogLine['stream'], text: string): void {
    const job = splitTaskId(ref.task).jobId;
    const line: LogLine = { task: ref.task, attempt: ref.attempt, stream, text };
    this.keep(attemptKey(ref), job, line);
    const pending = this.pendingOf(job);
    if (pending.lines.length < LINES_PER_FLUSH) pending.lines.push(line);
    else {
      pending.leftOut++;
      pending.last = line;
    }
  }

  progress(ref: AttemptRef, worker: WorkerId, progress: number | null, note: string | undefined): void {
    const pending = this.pendingOf(splitTaskId(ref.task).jobId);
    if (pending.progress.size >= PROGRESS_PER_FLUSH && !pending.progress.has(ref.task)) return;
    pending.progress.set(ref.task, { task: ref.task, attempt: ref.attempt, worker, progress, ...(note === undefined ? {} : { note }) });
  }

  /** Lines of a job's running attempts so far, oldest attempt first. */
  recent(job: JobId): LogLine[] {
    return [...this.rings.values()].filter((ring) => ring.job === job).flatMap((ring) => ring.lines);
  }

  /** The attempt ended: its log is an artifact now. */
  ended(ref: AttemptRef): void {
    this.drop(attemptKey(ref));
  }

  private keep(key: string, job: JobId, line: LogLine): void {
    const ring = this.rings.get(key) ?? { job, lines: [] };
    this.rings.delete(key);
    this.rings.set(key, ring);
    ring.lines.push(line);
    this.ringChars += line.text.length;
    if (ring.lines.length > RING_LINES) this.ringChars -= ring.lines.shift()?.text.length ?? 0;
    while (this.rings.size > RINGS || this.ringChars > RING_CHARS_TOTAL) {
      const oldest = this.rings.keys().next();
      if (oldest.done === true) return;
      this.drop(oldest.value);
    }
  }

  private drop(key: string): void {
    for (const line of this.rings.get(key)?.lines ?? []) this.ringChars -= line.text.length;
    this.rings.delete(key);
  }

  private pendingOf(job: JobId): Pending {
    const known = this.pending.get(job);
    if (known !== undefined) return known;
    const fresh: Pending = { lines: [], leftOut: 0, last: null, progress: new Map() };
    this.pending.set(job, fresh);
    if (!this.timed) {
      this.timed = true;
      this.timers.wakeAt(this.clock.monoMs() + FLUSH_MS, () => this.flush());
    }
    return fresh;
  }

  private flush(): void {
    this.timed = false;
    for (const [job, { lines, leftOut, last, progress }] of this.pending) {
      if (last !== null) lines.push({ task: last.task, attempt: last.attempt, stream: 'udcs', text: `… ${leftOut} lines left out of the live view` }, last);
      if (progress.size > 0) this.publish(job, { type: 'progress', tasks: [...progress.values()] });
      if (lines.length > 0) this.publish(job, { type: 'log', lines });
    }
    this.pending.clear();
  }
}
