// What one turn wants sent, per worker: what goes now and what waits for the commit. Joins records of the same kind into one
// frame per worker and turn, and turns the core's assignments into frames with headers, entries and grants.
import { type Assignment, type AttemptRef, type Entry, limits, splitTaskId, type WorkerId } from '@udcs/protocol';
import type { CoreMessage, Send } from '../core/seam.ts';
import { assignFrames } from './assign-frames.ts';
import type { Grants } from './grants.ts';
import { isTrusted, type JobCatalog } from './job-catalog.ts';
import type { ArrayEntries } from './seam.ts';
import { outFrame, type WorkerLink } from './worker-session.ts';

export interface OutboxParts {
  readonly links: ReadonlyMap<WorkerId, WorkerLink>;
  readonly catalog: JobCatalog;
  readonly grants: Grants;
  readonly entries: ArrayEntries;
  /** Whether this attempt is still that worker's. */
  readonly isOpen: (worker: WorkerId, ref: AttemptRef) => boolean;
  /** Whether that worker takes work now. */
  readonly isOnline: (worker: WorkerId) => boolean;
  /** These were never sent: the core may have them back. */
  readonly onUnsent: (worker: WorkerId, attempts: readonly AttemptRef[]) => void;
  /** Whether a job's tasks exist only because of a settlement: it has upstream jobs or a plan. */
  readonly followsSettlement: (task: Assignment) => boolean;
  /** Entries of these tasks can not be read now. */
  readonly onUnreadable: (worker: WorkerId, attempts: readonly AttemptRef[], thrown: unknown) => void;
}

export type Mail = Map<WorkerId, CoreMessage[]>;

export class Outbox {
  private readonly parts: OutboxParts;

  constructor(parts: OutboxParts) {
    this.parts = parts;
  }

  /**
   * Sorts one turn's sends.
   * @param pending whether facts of this or an earlier turn are not durable yet
   */
  sort(sends: readonly Send[], pending: boolean): { now: Mail; commit: Mail } {
    const now: Mail = new Map();
    const commit: Mail = new Map();
    for (const { to, message, after } of sends) {
      if (after === 'commit' && pending) post(commit, to, message);
      else if (message.type !== 'assign' || !pending) post(now, to, message);
      else {
        // Released dependents and a plan's additions may not be seen before the settlement they follow from is durable.
        const late = message.tasks.filter(this.parts.followsSettlement);
        if (late.length > 0) post(commit, to, { type: 'assign', tasks: late });
        if (late.length < message.tasks.length)
          post(now, to, { type: 'assign', tasks: late.length === 0 ? message.tasks : message.tasks.filter((task) => !this.parts.followsSettlement(task)) });
      }
    }
    return { now, commit };
  }

  deliver(mail: Mail): void {
    for (const [to, messages] of mail) {
      const link = this.parts.links.get(to);
      // Not connected: whatever this was, the worker's next hello and its lease settle it.
      if (link === undefined) continue;
      for (const message of joined(messages)) {
        if (message.type === 'assign') this.assign(link, message.tasks);
        else link.send(outFrame(message));
      }
    }
  }

  /** The same for what waited for a commit: meanwhile attempts may have been taken back and workers gone quiet. */
  deliverLate(mail: Mail): void {
    const { isOnline, isOpen, onUnsent } = this.parts;
    for (const [to, messages] of mail) {
      const due = messages.flatMap((message): CoreMessage[] => {
        if (message.type !== 'assign') return [message];
        const open = message.tasks.filter((task) => isOpen(to, task));
        if (open.length > 0 && isOnline(to)) return [{ type: 'assign', tasks: open }];
        if (open.length > 0) onUnsent(to, open);
        return [];
      });
      this.deliver(new Map([[to, due]]));
    }
  }

  private assign(link: WorkerLink, tasks: readonly Assignment[]): void {
    const stored = new Map<string, Assignment[]>();
    const ready: Assignment[] = [];
    for (const task of tasks) {
      const entries = this.parts.catalog.get(splitTaskId(task.task).jobId)?.record.spec.entries ?? null;
      if (entries === null || task.entry !== undefined) ready.push(task);
      else if ('digest' in entries) stored.set(entries.digest, [...(stored.get(entries.digest) ?? []), task]);
      else ready.push(withEntry(task, entries[task.index]));
    }
    this.sendTasks(link, ready);
    for (const [digest, waiting] of stored) void this.assignStored(link, digest, waiting);
  }

  private async assignStored(link: WorkerLink, digest: string, tasks: readonly Assignment[]): Promise<void> {
    try {
      const entries = await this.parts.entries.read(
        digest,
        tasks.map((task) => task.index),
      );
      // Meanwhile the worker may have reconnected without them, or their job may have been canceled.
      if (this.parts.links.get(link.worker) !== link) return;
      const filled = tasks.map((task, at) => withEntry(task, entries[at]));
      this.sendTasks(
        link,
        filled.filter((task) => this.parts.isOpen(link.worker, task)),
      );
    } catch (thrown) {
      this.parts.onUnreadable(link.worker, tasks, thrown);
    }
  }

  private sendTasks(link: WorkerLink, tasks: readonly Assignment[]): void {
    const { catalog, grants } = this.parts;
    const frames = assignFrames(
      tasks,
      (job) => {
        const live = catalog.get(job);
        return live === undefined ? null : catalog.headerText(live, isTrusted(live, link));
      },
      (attempts) => grants.mac(link.worker, link.instance, attempts),
    );
    for (const frame of frames) link.send({ type: 'assign', text: frame.text, tasks: frame.attempts.length });
  }
}

const withEntry = (task: Assignment, entry: Entry | undefined): Assignment => (entry === undefined ? task : { ...task, entry });

function post(mail: Mail, to: WorkerId, message: CoreMessage): void {
  const messages = mail.get(to);
  if (messages === undefined) mail.set(to, [message]);
  else messages.push(message);
}

/** Neighbours of the same kind become one message; the order of kinds stays. */
function joined(messages: readonly CoreMessage[]): CoreMessage[] {
  const out: CoreMessage[] = [];
  for (const message of messages) {
    const last = out.at(-1);
    const both = last === undefined ? null : merge(last, message);
    if (both === null) out.push(message);
    else out[out.length - 1] = both;
  }
  return out;
}

function merge(first: CoreMessage, second: CoreMessage): CoreMessage | null {
  if (first.type === 'assign' && second.type === 'assign') return { type: 'assign', tasks: [...first.tasks, ...second.tasks] };
  if (first.type === 'ack' && second.type === 'ack') return fits(first, second) ? { type: 'ack', attempts: [...first.attempts, ...second.attempts] } : null;
  if (first.type === 'revoke' && second.type === 'revoke')
    return fits(first, second) ? { type: 'revoke', attempts: [...first.attempts, ...second.attempts] } : null;
  if (first.type === 'cancel' && second.type === 'cancel' && first.reason === second.reason)
    return fits(first, second) ? { type: 'cancel', reason: first.reason, attempts: [...first.attempts, ...second.attempts] } : null;
  return null;
}

const fits = (first: { attempts: readonly AttemptRef[] }, second: { attempts: readonly AttemptRef[] }): boolean =>
  first.attempts.length + second.attempts.length <= limits.recordsPerFrame;
