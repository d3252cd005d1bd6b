// One handler per row of the API table. They check what belongs to whom, ask the grid or the store, and shape nothing that the
// table does not name. Scopes were checked before (rpc/router.ts).
import {
  allows,
  type ExplainView,
  type JobId,
  PROTOCOL_VERSION,
  type ProcedureOutput,
  splitTaskId,
  type TaskTypeName,
  UdcsError,
  type WorkerView,
} from '@udcs/protocol';
import { taskTypes } from '@udcs/tasks';
import { type Authenticator, ownerFilterOf, type Principal } from '../auth/authenticator.ts';
import type { Issuing } from '../auth/issuing.ts';
import type { Joining } from '../auth/joining.ts';
import { jobChanges, jobsEnded, overviewChanges, workerChanges } from '../live/changes.ts';
import { jobEvents } from '../live/job-events.ts';
import type { ArtifactReads, Grid, InviteRow, Keys, OwnerFilter, Reads } from '../ports.ts';
import type { Call, Handlers } from '../rpc/router.ts';
import type { SubmitRules } from '../submit/check-job.ts';
import { createSubmitting } from './submit.ts';

export interface ApiParts {
  readonly grid: Grid;
  readonly reads: Reads;
  readonly keys: Keys;
  readonly artifacts: ArtifactReads;
  readonly authenticator: Authenticator;
  readonly issuing: Issuing;
  readonly joining: Joining;
  readonly rules: SubmitRules;
  readonly clock: { monoMs(): number; wallMs(): number };
  readonly software: string;
  readonly publicUrl: string;
}

type AnyCall = Pick<Call<'system.info'>, 'caller'>;

const principalOf = ({ caller }: AnyCall): Principal => {
  if (caller.principal === null) throw new UdcsError('UNAUTHENTICATED', 'this needs a token');
  return caller.principal;
};
const filterOf = (call: AnyCall): OwnerFilter => ownerFilterOf(principalOf(call));
const noJob = (id: string) => new UdcsError('NOT_FOUND', `there is no job ${id}, or it is not yours`);

export function createHandlers(parts: ApiParts): Handlers {
  return { ...jobHandlers(parts), ...workerHandlers(parts), ...artifactHandlers(parts), ...keyHandlers(parts), ...authHandlers(parts) };
}

type JobHandlers = Pick<Handlers, Extract<keyof Handlers, `jobs.${string}`>>;

function jobHandlers(parts: ApiParts): JobHandlers {
  const { grid, reads } = parts;
  const submitting = createSubmitting({ ...parts, wallMs: parts.clock.wallMs });
  const mine = async (call: AnyCall, id: JobId) => {
    const job = await reads.job(filterOf(call), id);
    if (job === null) throw noJob(id);
    return job;
  };
  return {
    'jobs.submit': (call) => submitting.one(call.input.job, principalOf(call)),
    'jobs.submitMany': async (call) => ({ results: await submitting.many(call.input.jobs, principalOf(call)) }),
    'jobs.plan': (call) => submitting.plan(call.input.job, principalOf(call)),
    'jobs.retry': (call) => submitting.retry(call.input.id, principalOf(call)),
    'jobs.get': (call) => mine(call, call.input.id),
    'jobs.getMany': async (call) => ({ jobs: await reads.jobsById(filterOf(call), call.input.ids) }),
    'jobs.list': (call) => reads.jobs(filterOf(call), call.input),
    'jobs.tasks': async (call) => {
      await mine(call, call.input.id);
      return reads.tasks(call.input.id, call.input);
    },
    'jobs.attempts': async (call) => {
      await mine(call, call.input.id);
      keyOf(call.input.id, call.input.task); // refuses a task of another job
      return reads.attempts(call.input.id, call.input);
    },
    'jobs.cancel': async (call) => {
      await mine(call, call.input.id);
      const { canceled } = await grid.cancel(call.input.id);
      return { job: await mine(call, call.input.id), canceled };
    },
    'jobs.explain': async (call) => {
      const job = await mine(call, call.input.id);
      const explained = grid.explain(call.input.id, keyOf(call.input.id, call.input.task)) ?? ended(job.id, job.state);
      return discreet(explained, grid, principalOf(call));
    },
    'jobs.events': (call) =>
      jobEvents(
        { grid, reads },
        { id: call.input.id, owner: filterOf(call), afterSeq: cursorOf(call.input), live: call.input.live ?? false, signal: call.signal },
      ),
    'jobs.changes': (call) => jobChanges(grid, filterOf(call), call.signal),
    'jobs.ended': (call) => jobsEnded(grid, filterOf(call), call.signal),
  };
}

/** Where to go on: the id of the last event the client handled, else its own cursor, else the beginning. */
function cursorOf(input: { afterSeq?: number | undefined; lastEventId?: string | undefined }): number {
  if (input.lastEventId === undefined) return input.afterSeq ?? 0;
  const seq = Number(input.lastEventId);
  if (!Number.isSafeInteger(seq) || seq < 0) throw new UdcsError('INVALID_INPUT', 'lastEventId is not a cursor of this subscription');
  return seq;
}

function keyOf(job: JobId, task: `${JobId}.${string}` | undefined): string | null {
  if (task === undefined) return null;
  const parts = splitTaskId(task);
  if (parts.jobId !== job) throw new UdcsError('INVALID_INPUT', `task ${task} is not a task of job ${job}`);
  return parts.key;
}

const ended = (job: string, state: string): ExplainView => ({
  job,
  waiting: 0,
  verdict: 'ended',
  summary: `The job has ended (${state}).`,
  workers: [],
  workersNotShown: 0,
  tally: [],
  nearest: null,
});

/** Other people's machines are counted and described, not named. */
function discreet(view: ExplainView, grid: Grid, principal: Principal): ExplainView {
  if (allows(principal.scopes, 'admin')) return view;
  const own = new Set(
    grid
      .workers()
      .filter((worker) => mayShow(worker, principal))
      .map((worker) => worker.id),
  );
  const name = (worker: string, given: string, kind: string) => (own.has(worker) ? given : `a ${kind} worker`);
  const kinds = new Map(view.workers.map((entry) => [entry.worker, entry.kind]));
  return {
    ...view,
    workers: view.workers.map((entry) => ({ ...entry, name: name(entry.worker, entry.name, entry.kind) })),
    nearest: view.nearest === null ? null : { ...view.nearest, name: name(view.nearest.worker, view.nearest.name, kinds.get(view.nearest.worker) ?? '') },
  };
}

const mayShow = (worker: WorkerView, principal: Principal): boolean => allows(principal.scopes, 'admin') || worker.owner === principal.owner;

function workerHandlers({ grid, reads }: ApiParts): Pick<Handlers, Extract<keyof Handlers, `workers.${string}` | `overview.${string}`>> {
  return {
    'workers.list': (call) => reads.workers(filterOf(call), call.input),
    'workers.get': async (call) => {
      const worker = await reads.worker(filterOf(call), call.input.id);
      if (worker === null) throw new UdcsError('NOT_FOUND', `there is no worker ${call.input.id}, or it is not yours`);
      return worker;
    },
    'workers.changes': (call) => {
      const principal = principalOf(call);
      return workerChanges(grid, (worker) => mayShow(worker, principal), call.signal);
    },
    'workers.drain': async (call) => {
      if (!grid.drainWorker(call.input.id)) throw new UdcsError('NOT_FOUND', `no worker ${call.input.id} is connected`);
      return { ok: true };
    },
    'overview.get': async () => grid.overview(),
    'overview.changes': (call) => overviewChanges(grid, call.signal),
  };
}

function artifactHandlers({ artifacts }: ApiParts): Pick<Handlers, Extract<keyof Handlers, `artifacts.${string}`>> {
  return {
    'artifacts.findMissing': async (call) => ({ missing: await artifacts.missing(principalOf(call).owner, call.input.digests) }),
    'artifacts.list': (call) => artifacts.list(principalOf(call).owner, call.input),
  };
}

const inviteViewOf = ({ scopes: _scopes, kind, ...row }: InviteRow): ProcedureOutput<'invites.create'>['invite'] => ({
  ...row,
  kind: kind === 'donate' ? 'donate' : 'native',
});

function keyHandlers({
  grid,
  keys,
  authenticator,
  issuing,
  publicUrl,
  clock,
}: ApiParts): Pick<Handlers, Extract<keyof Handlers, `tokens.${string}` | `invites.${string}`>> {
  return {
    'tokens.create': (call) =>
      issuing.createToken({
        name: call.input.name,
        owner: call.input.owner ?? principalOf(call).owner,
        scopes: call.input.scopes,
        expiresInMs: call.input.expiresInMs ?? null,
      }),
    'tokens.list': (call) => keys.tokens(call.input),
    'tokens.revoke': async (call) => {
      if (!(await authenticator.revoke(call.input.id))) throw new UdcsError('NOT_FOUND', `there is no token ${call.input.id} in force`);
      return { ok: true };
    },
    'invites.create': async (call) => {
      const { kind, uses, expiresInMs } = call.input;
      const { invite, code } = await issuing.createInvite({
        kind,
        owner: kind === 'donate' ? null : principalOf(call).owner,
        scopes: null,
        uses: uses ?? null,
        expiresInMs: expiresInMs ?? null,
      });
      return { invite: inviteViewOf(invite), code, url: inviteUrl(publicUrl, kind, code) };
    },
    'invites.list': (call) => keys.invites(call.input),
    'invites.revoke': async (call) => {
      if (!(await keys.revokeInvite(call.input.id, clock.wallMs()))) throw new UdcsError('NOT_FOUND', `there is no invite ${call.input.id} in force`);
      grid.cutOff(await keys.revokeHosts(call.input.id, clock.wallMs()));
      return { ok: true };
    },
  };
}

/** The code stands behind `#`, which browsers never send to a server. */
export const inviteUrl = (publicUrl: string, kind: 'native' | 'donate', code: string): string =>
  `${publicUrl}/${kind === 'donate' ? 'donate' : 'join'}#${code}`;

function authHandlers({ joining, rules, software, publicUrl }: ApiParts): Pick<Handlers, Extract<keyof Handlers, `auth.${string}` | `system.${string}`>> {
  const landed = (Object.keys(taskTypes) as TaskTypeName[]).filter((type) => type !== 'MOCK' || rules.allowMock);
  return {
    'auth.join': (call) => joining.join(call.input, call.caller.address),
    'auth.login': (call) => joining.login(call.input, call.caller.address),
    'auth.whoami': async (call) => {
      const { owner, scopes } = principalOf(call);
      return { owner, scopes: [...scopes] };
    },
    'system.info': async () => ({ software, protocolVersions: [PROTOCOL_VERSION], types: landed, publicUrl }),
  };
}
