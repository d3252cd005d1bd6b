// A plan decides which tasks a job has: a pure reducer over small values. It never reads bytes; whatever touches bytes
// (merge, aggregate, probe) is a task of its own. State and the pieces a step adds are written in the commit of the
// settlement that caused it, and never replayed from history.
import type { BlobRef, Entry, ErrorRecord, JobSpec, TaskKey } from '@udcs/protocol';

/** One task a plan adds. Keys are deterministic and unique in the job. */
export interface Piece {
  readonly key: TaskKey;
  /** Replaces the variant's spec for this task. */
  readonly spec: Record<string, unknown>;
  readonly entry?: Entry;
}

export type PlanEvent =
  | { readonly kind: 'settled'; readonly key: TaskKey; readonly value: unknown; readonly outputs: Readonly<Record<string, BlobRef>> }
  | { readonly kind: 'failed'; readonly key: TaskKey; readonly error: ErrorRecord }
  /** `wakeAfterMs` passed. */
  | { readonly kind: 'woke' }
  | { readonly kind: 'canceled' };

export interface PlanStep {
  /** JSON ≤ 64 KiB, with a `version` the plan understands later. */
  readonly state: unknown;
  readonly add: readonly Piece[];
  readonly cancel: readonly TaskKey[];
  readonly wakeAfterMs?: number;
  /** No more pieces will come; the job ends when its tasks have. */
  readonly done: boolean;
}

export interface Plan {
  start(job: JobSpec): PlanStep;
  on(job: JobSpec, state: unknown, event: PlanEvent): PlanStep;
}
