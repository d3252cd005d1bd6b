// The store interface: one durable log of jobs, tasks and attempts behind which libSQL stands now and PostgreSQL later. The
// simulator implements it too. One writer; whatever arrives during a commit forms the next group.
import type { Digest, ErrorRecord, JobId } from '@udcs/protocol';
import type { BootSnapshot, Fact, JobRecord, JobSnapshot } from '../core/seam.ts';

export interface SubmitRow {
  readonly job: Omit<JobRecord, 'upstreamEnded'>;
  readonly idempotencyKey: string | null;
  /** SHA-256 hex of the canonical job without its idempotency key. */
  readonly payloadHash: string;
  /** Digests the job needs beyond those in its spec: the ones named in an entries file. */
  readonly artifacts?: readonly Digest[];
}

export type SubmitOutcome =
  | { readonly ok: true; readonly existing: false; readonly job: JobRecord }
  /** The key was known with the same payload. */
  | { readonly ok: true; readonly existing: true; readonly id: JobId; readonly total: number }
  | { readonly ok: false; readonly error: ErrorRecord };

/** The writing side that the shell uses. Every promise settles after the commit that holds the change. */
export interface StoreWriter {
  /** Opens the shard: raises and persists the epoch, returns everything not terminal. */
  boot(): Promise<BootSnapshot>;
  /** @throws UdcsError STORE_UNAVAILABLE when the disk is full or the backlog is over its bound; nothing was written then. */
  submit(rows: readonly SubmitRow[]): Promise<readonly SubmitOutcome[]>;
  /** Marks the job canceled unless it has ended. A result committed before stands. */
  cancel(job: JobId, atMs: number): Promise<{ readonly canceled: boolean }>;
  /** Joins the next group. Resolves with the facts that a guard refused (empty = all written). Keeps facts while the disk is full. */
  write(facts: readonly Fact[]): Promise<readonly Fact[]>;
  /** Reads jobs back after a refusal. */
  reload(jobs: readonly JobId[]): Promise<readonly JobSnapshot[]>;
  /** Rows and bytes not yet written; the shell pauses intake above its bound. */
  readonly backlog: { readonly rows: number; readonly bytes: number };
  /** Writes what is left and closes. */
  close(): Promise<void>;
}
