// Every attempt this tab holds, from the assignment until its result is acknowledged. Pure bookkeeping: what is held is what
// the next hello declares, so an attempt that is not in here does not exist for this worker.
import type { Assignment, AttemptRef, FailureReport, Grant, Hello, JobHeader, JobSpec, SuccessReport } from '@udcs/protocol';
import { limits } from '@udcs/protocol';

export type Report = { readonly kind: 'succeeded'; readonly record: SuccessReport } | { readonly kind: 'failed'; readonly record: FailureReport };

export interface Held {
  readonly ref: AttemptRef;
  readonly header: JobHeader;
  /** header.job, as the coordinator normalised it. */
  readonly job: JobSpec;
  readonly assignment: Assignment;
  readonly grant: Grant;
  state: 'offered' | 'running' | 'finished';
  /** Set when finished; kept until acknowledged. */
  report: Report | null;
  /** performance.now() of the last change of state. */
  sinceMs: number;
}

const keyOf = (ref: AttemptRef): string => `${ref.task}/${ref.epoch}/${ref.attempt}`;
export const refOf = ({ task, epoch, attempt }: AttemptRef): AttemptRef => ({ task, epoch, attempt });

export class Ledger {
  readonly #held = new Map<string, Held>();

  /** Takes an assignment frame in. Attempts held already (a frame sent twice) are left alone; returns the new ones. */
  accept(headers: readonly JobHeader[], tasks: readonly Assignment[], mac: string, nowMs: number): Held[] {
    const grant: Grant = { attempts: tasks.map(refOf), mac };
    const byJob = new Map<string, JobHeader>(headers.map((header) => [header.id, header]));
    const fresh: Held[] = [];
    for (const assignment of tasks) {
      const header = byJob.get(assignment.task.slice(0, assignment.task.indexOf('.')));
      const key = keyOf(assignment);
      if (header === undefined || this.#held.has(key)) continue;
      const held: Held = {
        ref: refOf(assignment),
        header,
        job: header.job as Record<string, unknown> & JobSpec,
        assignment,
        grant,
        state: 'offered',
        report: null,
        sinceMs: nowMs,
      };
      this.#held.set(key, held);
      fresh.push(held);
    }
    return fresh;
  }

  get(ref: AttemptRef): Held | undefined {
    return this.#held.get(keyOf(ref));
  }

  /** Whether `held` is still in here: an attempt that was dropped may still have work on its way back. */
  has(held: Held): boolean {
    return this.#held.get(keyOf(held.ref)) === held;
  }

  all(): Held[] {
    return [...this.#held.values()];
  }

  inState(state: Held['state']): Held[] {
    return this.all().filter((held) => held.state === state);
  }

  start(held: Held, nowMs: number): void {
    held.state = 'running';
    held.sinceMs = nowMs;
  }

  finish(held: Held, report: Report, nowMs: number): void {
    held.state = 'finished';
    held.report = report;
    held.sinceMs = nowMs;
  }

  /** Acknowledged, released, rejected or void: forgotten. */
  forget(ref: AttemptRef): Held | undefined {
    const held = this.#held.get(keyOf(ref));
    this.#held.delete(keyOf(ref));
    return held;
  }

  /** What a hello says of it. Finished ones first: losing a result costs more than losing a start. */
  declare(): Pick<Hello, 'holding' | 'grants'> {
    const order = { finished: 0, running: 1, offered: 2 };
    const holding: Hello['holding'] = [];
    const grants = new Set<Grant>();
    for (const held of this.all().sort((a, b) => order[a.state] - order[b.state])) {
      if (holding.length >= limits.recordsPerFrame) break;
      if (!grants.has(held.grant) && grants.size >= 256) continue;
      grants.add(held.grant);
      holding.push({ ...held.ref, state: held.state });
    }
    return { holding, grants: [...grants] };
  }

  /** After a welcome: what was not adopted is void. Returns what has to stop. */
  reconcile(adopted: readonly AttemptRef[]): Held[] {
    const kept = new Set(adopted.map(keyOf));
    const dropped = this.all().filter((held) => !kept.has(keyOf(held.ref)));
    for (const held of dropped) this.#held.delete(keyOf(held.ref));
    return dropped;
  }
}
