// The tables, as drizzle schema: drizzle-kit makes the migrations in server/drizzle from it and the reading side is typed by it.
// Not here: the hot write statements (sql/) and the trigger on terminal tasks (its own migration).

import type { Blame, BlobRef, Capabilities, Entry, ErrorRecord, JobSpec, JobState, Scope, TaskTypeName, Usage } from '@udcs/protocol';
import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import type { AttemptRecord } from '../core/seam.ts';

const atMs = (name: string) => integer(name);
const json = <T>(name: string) => text(name, { mode: 'json' }).$type<T>();

/** One row per shard of jobs; this coordinator owns 'main'. The epoch rises at every start. */
export const shard = sqliteTable('shard', { id: text('id').primaryKey(), epoch: integer('epoch').notNull() });

export const job = sqliteTable(
  'job',
  {
    id: text('id').primaryKey(),
    owner: text('owner').notNull(),
    name: text('name').notNull(),
    spec: json<JobSpec>('spec').notNull(),
    types: json<TaskTypeName[]>('types').notNull(),
    labels: json<Record<string, string>>('labels').notNull(),
    priority: integer('priority').notNull(),
    idempotencyKey: text('idempotency_key'),
    payloadHash: text('payload_hash').notNull(),
    /** JSON array of the ids in after and afterAny; null = none. */
    upstream: json<string[]>('upstream'),
    submittedAtMs: atMs('submitted_at_ms').notNull(),
    startedAtMs: atMs('started_at_ms'),
    endedAtMs: atMs('ended_at_ms'),
    canceledAtMs: atMs('canceled_at_ms'),
    total: integer('total').notNull(),
    succeeded: integer('succeeded').notNull().default(0),
    failed: integer('failed').notNull().default(0),
    canceled: integer('canceled').notNull().default(0),
    repeated: integer('repeated').notNull().default(0),
    /** Cursor of the job's durable changes. */
    seq: integer('seq').notNull().default(0),
    error: json<ErrorRecord>('error'),
    planState: json<unknown>('plan_state'),
    planDone: integer('plan_done', { mode: 'boolean' }),
    planSeq: integer('plan_seq').notNull().default(0),
    planWakeAtMs: atMs('plan_wake_at_ms'),
    /** protocol's jobStateOf, in SQL, so that lists can be filtered by it. */
    state: text('state')
      .$type<JobState>()
      .generatedAlwaysAs(
        sql`case when ended_at_ms is null then case when started_at_ms is not null or succeeded + failed + canceled > 0 then 'running' else 'queued' end
          when canceled_at_ms is not null and canceled > 0 then 'canceled' when failed > 0 then 'failed' when canceled > 0 then 'canceled' else 'succeeded' end`,
        { mode: 'virtual' },
      ),
  },
  (t) => [
    uniqueIndex('job_idempotency').on(t.owner, t.idempotencyKey).where(sql`idempotency_key is not null`),
    index('job_open').on(t.id).where(sql`ended_at_ms is null`),
    index('job_ended').on(t.endedAtMs).where(sql`ended_at_ms is not null`),
    index('job_owner').on(t.owner, t.id),
  ],
);

/** A row appears when the task has ended; `by` is the attempt that settled it. */
export const task = sqliteTable(
  'task',
  {
    job: text('job').notNull(),
    idx: integer('idx').notNull(),
    key: text('key').notNull(),
    seq: integer('seq').notNull(),
    state: text('state').$type<'succeeded' | 'failed' | 'canceled'>().notNull(),
    attempts: integer('attempts').notNull(),
    value: json<unknown>('value'),
    /** name → { digest, sizeBytes }; inline bytes live in inline_blob. */
    outputs: json<Record<string, BlobRef>>('outputs'),
    error: json<ErrorRecord>('error'),
    by: json<AttemptRecord>('by_attempt'),
    endedAtMs: atMs('ended_at_ms').notNull(),
  },
  (t) => [primaryKey({ columns: [t.job, t.idx] }), index('task_seq').on(t.job, t.seq)],
);

/** Attempts that ended without settling their task, and journalled open ones (endedAtMs null). */
export const attempt = sqliteTable(
  'attempt',
  {
    job: text('job').notNull(),
    key: text('key').notNull(),
    epoch: integer('epoch').notNull(),
    attempt: integer('attempt').notNull(),
    seq: integer('seq').notNull(),
    worker: text('worker').notNull(),
    host: text('host'),
    state: text('state').$type<AttemptRecord['state']>().notNull(),
    blame: text('blame').$type<Blame>(),
    error: json<ErrorRecord>('error'),
    exitCode: integer('exit_code'),
    signal: text('signal'),
    log: json<BlobRef>('log'),
    usage: json<Usage>('usage'),
    assignedAtMs: atMs('assigned_at_ms').notNull(),
    endedAtMs: atMs('ended_at_ms'),
  },
  (t) => [primaryKey({ columns: [t.job, t.key, t.epoch, t.attempt] })],
);

/** What a plan added to a job. */
export const piece = sqliteTable(
  'piece',
  {
    job: text('job').notNull(),
    idx: integer('idx').notNull(),
    key: text('key').notNull(),
    spec: json<Record<string, unknown>>('spec').notNull(),
    entry: json<Entry>('entry'),
  },
  (t) => [primaryKey({ columns: [t.job, t.idx] })],
);

export const worker = sqliteTable(
  'worker',
  {
    id: text('id').primaryKey(),
    host: text('host').notNull(),
    kind: text('kind').$type<'browser' | 'native'>().notNull(),
    name: text('name').notNull(),
    instance: text('instance').notNull(),
    software: text('software').notNull(),
    owner: text('owner'),
    network: text('network').notNull(),
    capabilities: json<Capabilities>('capabilities').notNull(),
    firstSeenAtMs: atMs('first_seen_at_ms').notNull(),
    lastSeenAtMs: atMs('last_seen_at_ms').notNull(),
    goneAtMs: atMs('gone_at_ms'),
    tasksDone: integer('tasks_done').notNull().default(0),
    attemptsLost: integer('attempts_lost').notNull().default(0),
  },
  (t) => [index('worker_seen').on(t.lastSeenAtMs)],
);

/** A machine or browser profile that joined, with the hash of its worker key. */
export const host = sqliteTable('host', {
  id: text('id').primaryKey(),
  hostKey: text('host_key').notNull().unique(),
  keyHash: text('key_hash').notNull().unique(),
  owner: text('owner'),
  kind: text('kind').$type<'browser' | 'native'>().notNull(),
  network: text('network').notNull(),
  name: text('name').notNull(),
  invite: text('invite'),
  joinedAtMs: atMs('joined_at_ms').notNull(),
  revokedAtMs: atMs('revoked_at_ms'),
});

export const token = sqliteTable('token', {
  id: text('id').primaryKey(),
  hash: text('hash').notNull().unique(),
  prefix: text('prefix').notNull(),
  name: text('name').notNull(),
  owner: text('owner').notNull(),
  scopes: json<Scope[]>('scopes').notNull(),
  createdAtMs: atMs('created_at_ms').notNull(),
  expiresAtMs: atMs('expires_at_ms'),
  lastUsedAtMs: atMs('last_used_at_ms'),
  revokedAtMs: atMs('revoked_at_ms'),
});

/** Join and donate codes, and one-time login codes (kind 'login'). Codes are stored hashed. */
export const invite = sqliteTable('invite', {
  id: text('id').primaryKey(),
  codeHash: text('code_hash').notNull().unique(),
  kind: text('kind').$type<'native' | 'donate' | 'login'>().notNull(),
  owner: text('owner'),
  /** Scopes a login code grants; null for the others. */
  scopes: json<Scope[]>('scopes'),
  usesLeft: integer('uses_left'),
  joined: integer('joined').notNull().default(0),
  createdAtMs: atMs('created_at_ms').notNull(),
  expiresAtMs: atMs('expires_at_ms'),
  revokedAtMs: atMs('revoked_at_ms'),
});

/** Bytes in the artifact store; a row is written after file and directory are synced. */
export const artifact = sqliteTable('artifact', {
  digest: text('digest').primaryKey(),
  sizeBytes: integer('size_bytes').notNull(),
  mediaType: text('media_type').notNull(),
  createdAtMs: atMs('created_at_ms').notNull(),
});

/** Who uploaded it (or had it made): the right to read, and what counts against the quota. */
export const artifactHolder = sqliteTable(
  'artifact_holder',
  {
    owner: text('owner').notNull(),
    digest: text('digest').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    heldSinceMs: atMs('held_since_ms').notNull(),
  },
  (t) => [primaryKey({ columns: [t.owner, t.digest] }), index('artifact_holder_digest').on(t.digest)],
);

/** Jobs that need a digest as code, input, output or log: what keeps bytes from being collected. */
export const artifactRef = sqliteTable(
  'artifact_ref',
  {
    job: text('job').notNull(),
    digest: text('digest').notNull(),
    owner: text('owner').notNull(),
    /** 0 = named by the submitter or a plan: its attempts may read it. 1 = made by a task. */
    made: integer('made').notNull(),
  },
  (t) => [primaryKey({ columns: [t.job, t.digest] }), index('artifact_ref_digest').on(t.digest, t.owner)],
);

/** Parts of a manifest: they live as long as it does. */
export const manifestPart = sqliteTable('manifest_part', { manifest: text('manifest').notNull(), digest: text('digest').notNull() }, (t) => [
  primaryKey({ columns: [t.manifest, t.digest] }),
  index('manifest_part_digest').on(t.digest),
]);

/** Outputs and logs of at most 64 KiB, once per digest, as base64 (as they came). */
export const inlineBlob = sqliteTable('inline_blob', {
  digest: text('digest').primaryKey(),
  sizeBytes: integer('size_bytes').notNull(),
  base64: text('base64').notNull(),
});

export const setting = sqliteTable('setting', { name: text('name').primaryKey(), value: text('value').notNull() });
