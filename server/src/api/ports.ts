// What the API needs from the rest of the coordinator, as small interfaces: the running grid (shell), the reading side of the
// store, keys and invites, artifacts. main.ts wires the real ones; tests wire memory ones.
import type {
  AttemptView,
  Digest,
  Entry,
  ExplainView,
  HostId,
  InviteView,
  JobEvent,
  JobId,
  JobSpec,
  JobState,
  JobView,
  Overview,
  Scope,
  TaskId,
  TaskKey,
  TaskState,
  TaskView,
  TokenView,
  WorkerId,
  WorkerState,
  WorkerView,
} from '@udcs/protocol';
import type { SubmitOutcome, SubmitRow } from '../store/store.ts';

/** Rows of one owner, or of everybody (null: an admin asks). */
export type OwnerFilter = string | null;

export interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

export interface PageOf<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

/** The running grid. */
export interface Grid {
  submit(rows: readonly SubmitRow[]): Promise<readonly SubmitOutcome[]>;
  cancel(job: JobId): Promise<{ readonly canceled: boolean }>;
  /** false = no such worker connected. */
  drainWorker(worker: WorkerId): boolean;
  /** Closes the connections of these hosts: their keys ended. */
  cutOff(hosts: readonly HostId[]): void;
  explain(job: JobId, task: TaskKey | null): ExplainView | null;
  /** What `explain` would say right after a submit of this job. */
  plan(spec: JobSpec, owner: string): { readonly matchingWorkers: number; readonly explain: ExplainView };
  overview(): Overview;
  /** Connected workers. */
  workers(): readonly WorkerView[];
  /** Log lines of the job's running attempts so far. */
  recentLog(job: JobId): Extract<JobEvent, { type: 'log' }>['lines'];
  /** Durable events are told after their commit, tasks before the job's counters, in the order of `seq`. Each returns the call that ends it. */
  onJob(job: JobId, listener: (event: JobEvent) => void): () => void;
  onJobs(listener: (view: JobView) => void): () => void;
}

/** The reading side of the store. A row that is not the owner's is not there. */
export interface Reads {
  /** With the live counters of a job that has not ended. */
  job(owner: OwnerFilter, id: JobId): Promise<JobView | null>;
  /** In the order of the ids; unknown ones are left out. */
  jobsById(owner: OwnerFilter, ids: readonly JobId[]): Promise<JobView[]>;
  jobSpec(owner: OwnerFilter, id: JobId): Promise<{ readonly spec: JobSpec; readonly view: JobView } | null>;
  jobs(owner: OwnerFilter, query: PageQuery & { readonly state?: JobState | undefined; readonly search?: string | undefined }): Promise<PageOf<JobView>>;
  tasks(job: JobId, query: PageQuery & { readonly state?: TaskState | undefined }): Promise<PageOf<TaskView>>;
  /** Tasks settled after `afterSeq`, in the order of seq, at most `limit`; a seq is never cut in two. `seq` = the last one covered. */
  settledAfter(job: JobId, afterSeq: number, limit: number): Promise<{ readonly tasks: TaskView[]; readonly seq: number; readonly more: boolean }>;
  attempts(job: JobId, query: PageQuery & { readonly task?: TaskId | undefined }): Promise<PageOf<AttemptView>>;
  workers(owner: OwnerFilter, query: PageQuery & { readonly state?: WorkerState | undefined }): Promise<PageOf<WorkerView>>;
  worker(owner: OwnerFilter, id: WorkerId): Promise<WorkerView | null>;
}

export interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly prefix: string;
  readonly name: string;
  readonly owner: string;
  readonly scopes: readonly Scope[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  readonly revokedAtMs: number | null;
}

export interface InviteRow {
  readonly id: string;
  readonly kind: 'native' | 'donate' | 'login';
  readonly owner: string | null;
  /** What a login code grants; null for the others. */
  readonly scopes: readonly Scope[] | null;
  readonly usesLeft: number | null;
  readonly joined: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
}

interface HostRow {
  readonly hostKey: string;
  readonly keyHash: string;
  readonly owner: string | null;
  readonly kind: 'browser' | 'native';
  readonly network: string;
  readonly name: string;
  readonly invite: string;
  readonly joinedAtMs: number;
}

/** Tokens, invites and the keys of hosts; only hashes of secrets come here. Every change settles after its commit. */
export interface Keys {
  /** null = unknown or revoked; expired ones are the caller's question. */
  tokenByHash(hash: string): Promise<TokenRow | null>;
  addToken(row: TokenRow): Promise<void>;
  tokens(query: PageQuery): Promise<PageOf<TokenView>>;
  /** false = no such token in force. */
  revokeToken(id: string, atMs: number): Promise<boolean>;
  /** Notes a use; not every one is written. */
  touchToken(hash: string, atMs: number): Promise<void>;
  /** null = unknown, used up, expired or revoked. */
  findInvite(codeHash: string, nowMs: number): Promise<InviteRow | null>;
  addInvite(row: InviteRow & { readonly codeHash: string }): Promise<void>;
  /** Takes one use, atomically; false when there is none left. */
  useInvite(codeHash: string, nowMs: number): Promise<boolean>;
  invites(query: PageQuery): Promise<PageOf<InviteView>>;
  /** false = no such invite in force. */
  revokeInvite(id: string, atMs: number): Promise<boolean>;
  /** Ends the worker keys that came of an invite; returns the hosts. */
  revokeHosts(invite: string, atMs: number): Promise<readonly HostId[]>;
  /** A host that joins again gets a new key; the old one ends. */
  putHost(row: HostRow): Promise<void>;
}

export interface ArtifactReads {
  /** Which of these the owner may not read. */
  missing(owner: string, digests: readonly Digest[]): Promise<Digest[]>;
  list(
    owner: string,
    query: PageQuery,
  ): Promise<PageOf<{ digest: Digest; sizeBytes: number; createdAtMs: number }> & { usedBytes: number; quotaBytes: number }>;
  /** Entries of an array that stand in a JSONL artifact. @throws UdcsError INPUT_UNAVAILABLE, INVALID_INPUT */
  entries(digest: Digest, indexes: readonly number[]): Promise<readonly Entry[]>;
}
