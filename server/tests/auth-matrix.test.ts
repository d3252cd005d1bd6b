// Every procedure of the API table against every kind of caller. The rows come from the table, so a new procedure is covered the
// moment it exists.
import { allows, api, type ErrorRecord, type ProcedureName, type Scope } from '@udcs/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, type TrpcSocket, trpcSocket, type WholeCoordinator, wholeCoordinator } from './whole-coordinator.ts';

const WORKER = 'wkr_00000000000000000000000000';
const TOKEN = 'tok_00000000000000000000000000';
const job = { type: 'MOCK', spec: { runMs: 0 } };

/** Inputs that pass the schema, so that what is judged is the caller. `%JOB%` becomes a job of the first tenant. */
const inputs: Record<ProcedureName, unknown> = {
  'jobs.submit': { job },
  'jobs.submitMany': { jobs: [job] },
  'jobs.plan': { job },
  'jobs.get': { id: '%JOB%' },
  'jobs.getMany': { ids: ['%JOB%'] },
  'jobs.list': {},
  'jobs.tasks': { id: '%JOB%' },
  'jobs.attempts': { id: '%JOB%' },
  'jobs.cancel': { id: '%JOB%' },
  'jobs.retry': { id: '%JOB%' },
  'jobs.explain': { id: '%JOB%' },
  'jobs.events': { id: '%JOB%' },
  'jobs.changes': {},
  'jobs.ended': {},
  'workers.list': {},
  'workers.get': { id: WORKER },
  'workers.changes': {},
  'workers.drain': { id: WORKER },
  'overview.get': {},
  'overview.changes': {},
  'artifacts.findMissing': { digests: [] },
  'artifacts.list': {},
  'tokens.create': { name: 'made', scopes: ['read'] },
  'tokens.list': {},
  'tokens.revoke': { id: TOKEN },
  'invites.create': { kind: 'donate' },
  'invites.list': {},
  'invites.revoke': { id: TOKEN },
  'auth.join': { code: 'not a code', kind: 'browser', name: '', publicKey: '', signature: '' },
  'auth.login': { code: 'not a code' },
  'auth.whoami': {},
  'system.info': {},
};
const names = Object.keys(api) as ProcedureName[];
const guarded = names.filter((name) => api[name].scope !== 'public');
/** Codes are refused as UNAUTHENTICATED whoever brings them. */
const judgesCodes = new Set<ProcedureName>(['auth.join', 'auth.login']);

let grid: WholeCoordinator;
let alice: string;
const nudge = () => grid.ask('/api/v1/jobs', { token: alice, body: { job } });

/** The code a call was refused with, or 'ok'. */
async function outcome(socket: TrpcSocket, name: ProcedureName, jobId: string): Promise<string> {
  const input: unknown = JSON.parse(JSON.stringify(inputs[name]).replace('%JOB%', jobId));
  try {
    if (api[name].kind === 'subscription') {
      const subscription = socket.subscribe(name, input);
      const first = subscription.next();
      const nudging = name === 'jobs.changes' ? setInterval(nudge, 100) : undefined; // it says nothing until a job changes
      await first.finally(() => clearInterval(nudging));
      subscription.stop();
    } else {
      await socket.call(api[name].kind === 'query' ? 'query' : 'mutation', name, input);
    }
    return 'ok';
  } catch (thrown) {
    return (thrown as { data?: ErrorRecord }).data?.code ?? String(thrown);
  }
}

describe('who may call what', () => {
  let aliceJob: string;
  beforeAll(async () => {
    grid = await wholeCoordinator();
    alice = (await grid.token(['submit'], { owner: 'alice' })).secret;
    aliceJob = ((await nudge()).json as { id: string }).id;
  });
  afterAll(() => grid.close());

  it('covers every procedure of the table', () => {
    expect(Object.keys(inputs).sort()).toEqual([...names].sort());
  });

  it.each(guarded)('%s refuses a caller without a token', async (name) => {
    const socket = await trpcSocket(grid.url, null);
    expect(await outcome(socket, name, aliceJob)).toBe('UNAUTHENTICATED');
    socket.close();
  });

  it('refuses an unknown token on every guarded procedure', async () => {
    const socket = await trpcSocket(grid.url, 'udcs_tok_thisTokenWasNeverIssuedByAnybodyHere');
    for (const name of guarded) expect([name, await outcome(socket, name, aliceJob)]).toEqual([name, 'UNAUTHENTICATED']);
    socket.close();
  });

  it('refuses tokens whose scopes do not include the needed one', async () => {
    const without: Record<Scope, readonly Scope[]> = { read: ['work'], submit: ['read', 'work'], admin: ['submit', 'read', 'work'], work: ['read'] };
    for (const [needed, scopes] of Object.entries(without) as [Scope, readonly Scope[]][]) {
      const { secret } = await grid.token(scopes, { owner: 'alice' });
      const socket = await trpcSocket(grid.url, secret);
      for (const name of guarded.filter((candidate) => api[candidate].scope === needed))
        expect([name, await outcome(socket, name, aliceJob)]).toEqual([name, 'FORBIDDEN']);
      socket.close();
    }
  });

  it('refuses a token everywhere, also on open connections, once it is revoked', async () => {
    const { secret, id } = await grid.token(['admin'], { owner: 'alice' });
    const socket = await trpcSocket(grid.url, secret);
    expect(await outcome(socket, 'auth.whoami', aliceJob)).toBe('ok');
    const events = socket.subscribe('overview.changes');
    expect(await events.next()).not.toBeNull();
    expect((await grid.ask(`/api/v1/tokens/${id}`, { method: 'DELETE' })).status).toBe(200);
    await expect(
      (async () => {
        for (;;) await events.next();
      })(),
    ).rejects.toMatchObject({ data: { code: 'UNAUTHENTICATED' } });
    for (const name of guarded) expect([name, await outcome(socket, name, aliceJob)]).toEqual([name, 'UNAUTHENTICATED']);
    expect((await grid.ask('/api/v1/whoami', { token: secret })).status).toBe(401);
    socket.close();
  });

  it('refuses a token everywhere once it has expired', async () => {
    const { secret } = await grid.token(['admin'], { owner: 'alice', expiresInMs: 600 });
    const socket = await trpcSocket(grid.url, secret);
    const events = socket.subscribe('overview.changes');
    await expect(
      (async () => {
        for (;;) await events.next();
      })(),
    ).rejects.toMatchObject({ data: { code: 'UNAUTHENTICATED' } });
    for (const name of guarded) expect([name, await outcome(socket, name, aliceJob)]).toEqual([name, 'UNAUTHENTICATED']);
    socket.close();
  });

  it("shows another tenant's job to nobody but its owner and an admin", async () => {
    const { secret } = await grid.token(['submit'], { owner: 'bob' });
    const socket = await trpcSocket(grid.url, secret);
    const ofOneJob = names.filter((name) => JSON.stringify(inputs[name]).includes('%JOB%') && name !== 'jobs.getMany');
    expect(ofOneJob.length).toBeGreaterThan(6);
    for (const name of ofOneJob) expect([name, await outcome(socket, name, aliceJob)]).toEqual([name, 'NOT_FOUND']);
    expect(await socket.call('query', 'jobs.getMany', { ids: [aliceJob] })).toEqual({ jobs: [] });
    expect(await socket.call('query', 'jobs.list', {})).toEqual({ items: [], nextCursor: null });
    socket.close();
    expect((await grid.ask(`/api/v1/jobs/${aliceJob}`)).status).toBe(200);
  });

  it.each(names)('%s does not refuse a caller with exactly the needed scope', async (name) => {
    const needed = api[name].scope;
    const { secret } = await grid.token([needed === 'public' ? 'read' : needed], { owner: 'alice' });
    const socket = await trpcSocket(grid.url, secret);
    const code = await outcome(socket, name, aliceJob);
    if (judgesCodes.has(name)) expect(['UNAUTHENTICATED', 'RATE_LIMITED']).toContain(code);
    else expect(['ok', 'NOT_FOUND', 'CONFLICT']).toContain(code);
    expect(allows([needed === 'public' ? 'read' : needed], needed)).toBe(true);
    socket.close();
  });

  it('limits failures by address without locking out those who are known', async () => {
    const codes: number[] = [];
    for (let at = 0; at < 14; at++) codes.push((await grid.ask('/api/v1/whoami', { token: `udcs_tok_wrongwrongwrongwrongwrong${at}` })).status);
    expect(codes.at(-1)).toBe(429);
    expect((await grid.ask('/api/v1/whoami')).status).toBe(200);
    expect(errorOf(await grid.ask('/api/v1/login', { token: null, body: { code: 'udcs_log_guess' } })).code).toBe('RATE_LIMITED');
  });

  it('logs no secret', async () => {
    expect(grid.log.join('')).not.toMatch(/udcs_(tok|wrk|inv|log)_[A-Za-z0-9_-]{20}/);
  });
});
