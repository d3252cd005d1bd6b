// What a commit is: the group that goes in, what comes back, and how it can fail. The writer queue works against this; libSQL
// implements it here, memory in the simulator.
import type { JobId } from '@udcs/protocol';
import type { BootSnapshot, Fact, JobSnapshot } from '../core/seam.ts';
import type { SubmitOutcome, SubmitRow } from './store.ts';

export type SqlValue = string | number | null;

export interface Statement {
  readonly sql: string;
  readonly args: readonly SqlValue[];
}

export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface SqlResult {
  readonly rows: readonly SqlRow[];
  readonly rowsAffected: number;
}

/** Everything of one commit. Applied in this order: changes, facts, submits, cancels. */
export interface CommitGroup {
  /** Ready statements of the rarer kinds (tokens, artifacts, settings); each list is one change. */
  readonly changes: readonly (readonly Statement[])[];
  readonly facts: readonly Fact[];
  readonly submits: readonly SubmitRow[];
  readonly cancels: readonly { readonly job: JobId; readonly atMs: number }[];
}

export interface CommitResult {
  readonly changes: readonly (readonly SqlResult[])[];
  /** Facts that a guard refused. */
  readonly refused: readonly Fact[];
  readonly submits: readonly SubmitOutcome[];
  readonly canceled: readonly boolean[];
}

/**
 * Why nothing of a group was written. full: try the same group again later. illegal: something in it can never be written.
 * fatal: what is on disk is no longer known; the process must end.
 */
export type CommitFailure = 'full' | 'illegal' | 'fatal';

export class CommitError extends Error {
  override readonly name = 'CommitError';
  readonly failure: CommitFailure;

  constructor(failure: CommitFailure, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.failure = failure;
  }
}

export interface Committer {
  boot(): Promise<BootSnapshot>;
  /** All or nothing. @throws CommitError */
  commit(group: CommitGroup): Promise<CommitResult>;
  reload(jobs: readonly JobId[]): Promise<readonly JobSnapshot[]>;
  close(): Promise<void>;
}
