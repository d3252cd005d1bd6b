// The client contract as one table: procedure → kind, scope, input, output, REST path. The server's tRPC router is built over it,
// the SDK is typed by it, the OpenAPI document is generated from it. Nothing about the API is described twice.
import * as z from 'zod/mini';
import { digestSchema } from './artifacts.ts';
import { taskTypeSchema } from './capabilities.ts';
import { jobIdSchema, taskIdSchema, tokenIdSchema, workerIdSchema } from './ids.ts';
import { jobSchema } from './job.ts';
import { limits } from './limits.ts';
import { jobStates, taskStates, workerStates } from './states.ts';
import {
  attemptViewSchema,
  errorRecordSchema,
  explainViewSchema,
  inviteViewSchema,
  jobEventSchema,
  jobViewSchema,
  overviewSchema,
  taskViewSchema,
  tokenViewSchema,
  workerViewSchema,
} from './views.ts';

export const SCOPES = ['admin', 'submit', 'read', 'work'] as const;
export type Scope = (typeof SCOPES)[number];

interface ProcedureFacts {
  readonly kind: 'query' | 'mutation' | 'subscription';
  /** 'public' needs no token. admin includes submit and read; submit includes read. */
  readonly scope: Scope | 'public';
  readonly input: z.ZodMiniType;
  readonly output: z.ZodMiniType;
  /** Absent for subscriptions and for procedures that have no REST form. */
  readonly rest?: { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: `/${string}` };
  readonly summary: string;
}

const count = z.int().check(z.nonnegative());
const none = z.strictObject({});
const ok = z.strictObject({ ok: z.literal(true) });
const page = { cursor: z.optional(z.string().check(z.maxLength(200))), limit: z.optional(z.int().check(z.minimum(1), z.maximum(limits.pageSize))) };
const pageOf = <T extends z.core.SomeType>(item: T) => z.strictObject({ items: z.array(item), nextCursor: z.nullable(z.string()) });
const secret = z.string().check(z.minLength(8), z.maxLength(200));

const submitted = z.strictObject({
  id: jobIdSchema,
  /** true = the idempotency key was known and this is the earlier job */ existing: z.boolean(),
  counts: z.strictObject({ total: count }),
});

const planned = z.strictObject({
  /** First and last task with every `${…}` replaced. */
  first: z.unknown(),
  last: z.unknown(),
  total: count,
  /** Workers connected now that could run at least one variant. */
  matchingWorkers: count,
  explain: explainViewSchema,
});

export const api = {
  'jobs.submit': {
    kind: 'mutation',
    scope: 'submit',
    input: z.strictObject({ job: jobSchema }),
    output: submitted,
    rest: { method: 'POST', path: '/jobs' },
    summary: 'Submit a job',
  },
  'jobs.submitMany': {
    kind: 'mutation',
    scope: 'submit',
    input: z.strictObject({ jobs: z.array(jobSchema).check(z.minLength(1), z.maxLength(limits.submitMany)) }),
    /** One answer per job, in order; one bad job does not sink the others. */
    output: z.strictObject({ results: z.array(z.union([submitted, z.strictObject({ error: errorRecordSchema })])) }),
    rest: { method: 'POST', path: '/jobs/batch' },
    summary: 'Submit many jobs in one commit',
  },
  'jobs.plan': {
    kind: 'query',
    scope: 'submit',
    input: z.strictObject({ job: jobSchema }),
    output: planned,
    rest: { method: 'POST', path: '/jobs/plan' },
    summary: 'Check a job without submitting it',
  },
  'jobs.get': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ id: jobIdSchema }),
    output: jobViewSchema,
    rest: { method: 'GET', path: '/jobs/{id}' },
    summary: 'One job',
  },
  /** Several jobs by id, in that order; those that are unknown or somebody else's are left out. */
  'jobs.getMany': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ ids: z.array(jobIdSchema).check(z.minLength(1), z.maxLength(limits.pageSize)) }),
    output: z.strictObject({ jobs: z.array(jobViewSchema) }),
    summary: 'Several jobs by id',
  },
  'jobs.list': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ ...page, state: z.optional(z.enum(jobStates)), search: z.optional(z.string().check(z.maxLength(200))) }),
    output: pageOf(jobViewSchema),
    rest: { method: 'GET', path: '/jobs' },
    summary: 'Jobs, newest first',
  },
  'jobs.tasks': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ id: jobIdSchema, ...page, state: z.optional(z.enum(taskStates)) }),
    output: pageOf(taskViewSchema),
    rest: { method: 'GET', path: '/jobs/{id}/tasks' },
    summary: 'Tasks of a job that have a durable fact, by index',
  },
  'jobs.attempts': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ id: jobIdSchema, task: z.optional(taskIdSchema), ...page }),
    output: pageOf(attemptViewSchema),
    rest: { method: 'GET', path: '/jobs/{id}/attempts' },
    summary: 'Attempts of a job or of one task',
  },
  'jobs.cancel': {
    kind: 'mutation',
    scope: 'submit',
    input: z.strictObject({ id: jobIdSchema }),
    output: z.strictObject({ job: jobViewSchema, /** false = it had already ended */ canceled: z.boolean() }),
    rest: { method: 'POST', path: '/jobs/{id}/cancel' },
    summary: 'Cancel a job',
  },
  'jobs.retry': {
    kind: 'mutation',
    scope: 'submit',
    input: z.strictObject({ id: jobIdSchema }),
    output: submitted,
    rest: { method: 'POST', path: '/jobs/{id}/retry' },
    summary: 'Submit the failed or canceled tasks of an ended job again, as a new job with the same spec',
  },
  'jobs.explain': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ id: jobIdSchema, task: z.optional(taskIdSchema) }),
    output: explainViewSchema,
    rest: { method: 'GET', path: '/jobs/{id}/explain' },
    summary: 'Why it is not running',
  },
  /** First a `job` event and the tasks settled after `afterSeq`, then whatever happens. */
  'jobs.events': {
    kind: 'subscription',
    scope: 'read',
    input: z.strictObject({
      id: jobIdSchema,
      afterSeq: z.optional(count),
      /** also progress and log lines */ live: z.optional(z.boolean()),
      lastEventId: z.optional(z.string().check(z.maxLength(64))),
    }),
    output: jobEventSchema,
    summary: "A job's changes",
  },
  /** Job views of all the owner's jobs as they change. */
  'jobs.changes': {
    kind: 'subscription',
    scope: 'read',
    input: none,
    output: z.strictObject({ jobs: z.array(jobViewSchema) }),
    summary: 'Changes of the job list',
  },
  /** The owner's jobs as they end, told with the commit that ended them. The first event is empty: what ends after it is not missed. */
  'jobs.ended': {
    kind: 'subscription',
    scope: 'read',
    input: none,
    output: z.strictObject({ jobs: z.array(jobViewSchema) }),
    summary: 'Jobs as they end',
  },
  'workers.list': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ ...page, state: z.optional(z.enum(workerStates)) }),
    output: pageOf(workerViewSchema),
    rest: { method: 'GET', path: '/workers' },
    summary: 'Workers, connected ones first',
  },
  'workers.get': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ id: workerIdSchema }),
    output: workerViewSchema,
    rest: { method: 'GET', path: '/workers/{id}' },
    summary: 'One worker',
  },
  'workers.changes': {
    kind: 'subscription',
    scope: 'read',
    input: none,
    output: z.strictObject({ workers: z.array(workerViewSchema), gone: z.array(workerIdSchema) }),
    summary: 'Workers as they change; the first event holds all connected ones',
  },
  'workers.drain': {
    kind: 'mutation',
    scope: 'admin',
    input: z.strictObject({ id: workerIdSchema }),
    output: ok,
    rest: { method: 'POST', path: '/workers/{id}/drain' },
    summary: 'Let a worker finish and take nothing new',
  },
  'overview.get': {
    kind: 'query',
    scope: 'read',
    input: none,
    output: overviewSchema,
    rest: { method: 'GET', path: '/overview' },
    summary: 'The grid in figures',
  },
  'overview.changes': { kind: 'subscription', scope: 'read', input: none, output: overviewSchema, summary: 'The grid in figures, at most once a second' },
  'artifacts.findMissing': {
    kind: 'query',
    scope: 'submit',
    input: z.strictObject({ digests: z.array(digestSchema).check(z.maxLength(10_000)) }),
    output: z.strictObject({ missing: z.array(digestSchema) }),
    rest: { method: 'POST', path: '/artifacts/missing' },
    summary: 'Which of these the owner has not uploaded',
  },
  'artifacts.list': {
    kind: 'query',
    scope: 'read',
    input: z.strictObject({ ...page }),
    output: z.strictObject({
      items: z.array(z.strictObject({ digest: digestSchema, sizeBytes: count, createdAtMs: z.number() })),
      nextCursor: z.nullable(z.string()),
      usedBytes: count,
      quotaBytes: count,
    }),
    rest: { method: 'GET', path: '/artifacts' },
    summary: "The owner's artifacts",
  },
  'tokens.create': {
    kind: 'mutation',
    scope: 'admin',
    input: z.strictObject({
      name: z.string().check(z.minLength(1), z.maxLength(100)),
      scopes: z.array(z.enum(SCOPES)).check(z.minLength(1), z.maxLength(4)),
      owner: z.optional(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/))),
      expiresInMs: z.optional(count),
    }),
    output: z.strictObject({ token: tokenViewSchema, /** shown once */ secret }),
    rest: { method: 'POST', path: '/tokens' },
    summary: 'Create a token',
  },
  'tokens.list': {
    kind: 'query',
    scope: 'admin',
    input: z.strictObject({ ...page }),
    output: pageOf(tokenViewSchema),
    rest: { method: 'GET', path: '/tokens' },
    summary: 'Tokens',
  },
  'tokens.revoke': {
    kind: 'mutation',
    scope: 'admin',
    input: z.strictObject({ id: tokenIdSchema }),
    output: ok,
    rest: { method: 'DELETE', path: '/tokens/{id}' },
    summary: 'Revoke a token',
  },
  'invites.create': {
    kind: 'mutation',
    scope: 'admin',
    input: z.strictObject({
      kind: z.enum(['native', 'donate']),
      uses: z.optional(z.int().check(z.minimum(1), z.maximum(1_000_000))),
      expiresInMs: z.optional(count),
    }),
    output: z.strictObject({ invite: inviteViewSchema, code: secret, /** `<base>/join#CODE` or `<base>/donate#CODE` */ url: z.string() }),
    rest: { method: 'POST', path: '/invites' },
    summary: 'Invite workers',
  },
  'invites.list': {
    kind: 'query',
    scope: 'admin',
    input: z.strictObject({ ...page }),
    output: pageOf(inviteViewSchema),
    rest: { method: 'GET', path: '/invites' },
    summary: 'Invites',
  },
  'invites.revoke': {
    kind: 'mutation',
    scope: 'admin',
    input: z.strictObject({ id: tokenIdSchema }),
    output: ok,
    rest: { method: 'DELETE', path: '/invites/{id}' },
    summary: 'Revoke an invite',
  },
  /** Exchanges an invite code for a worker key. A tab signs its host key with its key pair (WebCrypto ECDSA P-256, raw signature over the code). */
  'auth.join': {
    kind: 'mutation',
    scope: 'public',
    input: z.strictObject({
      code: secret,
      kind: z.enum(['browser', 'native']),
      name: z.string().check(z.maxLength(200)),
      publicKey: z.string().check(z.maxLength(400)),
      signature: z.string().check(z.maxLength(400)),
    }),
    output: z.strictObject({ key: secret, hostKey: z.string() }),
    rest: { method: 'POST', path: '/join' },
    summary: 'Join with an invite',
  },
  /** Trades the one-time dashboard code for a token. */
  'auth.login': {
    kind: 'mutation',
    scope: 'public',
    input: z.strictObject({ code: secret }),
    output: z.strictObject({ token: secret, owner: z.string(), scopes: z.array(z.enum(SCOPES)) }),
    rest: { method: 'POST', path: '/login' },
    summary: 'Log in with a one-time link',
  },
  'auth.whoami': {
    kind: 'query',
    scope: 'read',
    input: none,
    output: z.strictObject({ owner: z.string(), scopes: z.array(z.enum(SCOPES)) }),
    rest: { method: 'GET', path: '/whoami' },
    summary: 'Who this token is',
  },
  'system.info': {
    kind: 'query',
    scope: 'public',
    input: none,
    output: z.strictObject({
      software: z.string(),
      protocolVersions: z.array(z.int()),
      /** task types with a landed implementation */ types: z.array(taskTypeSchema),
      publicUrl: z.string(),
    }),
    rest: { method: 'GET', path: '/info' },
    summary: 'What this coordinator is',
  },
} as const satisfies Record<string, ProcedureFacts>;

export type Api = typeof api;
export type ProcedureName = keyof Api;
export type ProcedureInput<P extends ProcedureName> = z.input<Api[P]['input']>;
export type ProcedureOutput<P extends ProcedureName> = z.output<Api[P]['output']>;
export type ProceduresOfKind<K extends ProcedureFacts['kind']> = { [P in ProcedureName]: Api[P]['kind'] extends K ? P : never }[ProcedureName];

/** Whether a token with these scopes may call a procedure of this scope. */
export function allows(scopes: readonly Scope[], needed: Scope | 'public'): boolean {
  if (needed === 'public' || scopes.includes('admin')) return true;
  if (needed === 'read') return scopes.includes('read') || scopes.includes('submit');
  return scopes.includes(needed);
}

/** Shape of `error.data` on tRPC errors and of REST error bodies: `{ error: ErrorRecord }`. */
export const restErrorSchema = z.strictObject({ error: errorRecordSchema });
