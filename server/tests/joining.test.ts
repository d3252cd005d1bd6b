// How strangers become known: workers with join and donate links, people with the one-time login link; and how that ends.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, trpcSocket, type WholeCoordinator, wholeCoordinator } from './whole-coordinator.ts';
import { connectWorker, makeKeyPair } from './wire-worker.ts';

let grid: WholeCoordinator;
beforeAll(async () => {
  grid = await wholeCoordinator();
});
afterAll(() => grid.close());

const joinWith = (code: string, kind: 'native' | 'browser', pair = makeKeyPair(), signed = code) =>
  grid.ask('/api/v1/join', {
    method: 'POST',
    token: null,
    body: { code, kind, name: 'a\u001b[31mname\n', publicKey: pair.publicKey, signature: pair.sign(signed) },
  });
const invite = async (body: object) => (await grid.ask('/api/v1/invites', { body })).json as { invite: { id: string }; code: string; url: string };

describe('a worker that joins', () => {
  it.each(['spki', 'raw'] as const)('gets a key bound to its key pair (%s) and can connect with it', async (format) => {
    const pair = makeKeyPair(format);
    const answer = await joinWith(grid.running.doors.joinCode, 'native', pair);
    expect(answer.json).toMatchObject({ key: expect.stringMatching(/^udcs_wrk_/), hostKey: pair.hostKey });
    const worker = await connectWorker({ url: grid.url, ...(answer.json as { key: string; hostKey: string }) });
    expect((await grid.ask(`/api/v1/workers/${worker.worker}`)).json).toMatchObject({ owner: 'admin', state: 'online', kind: 'native' });
    await worker.close();
  });

  it('is refused without the private half of its key', async () => {
    const { joinCode } = grid.running.doors;
    expect(errorOf(await joinWith(joinCode, 'native', makeKeyPair(), 'another text'))).toMatchObject({ code: 'FORBIDDEN' });
    const other = makeKeyPair();
    const stolen = await grid.ask('/api/v1/join', {
      method: 'POST',
      token: null,
      body: { code: joinCode, kind: 'native', name: '', publicKey: makeKeyPair().publicKey, signature: other.sign(joinCode) },
    });
    expect(errorOf(stolen).code).toBe('FORBIDDEN');
    const nonsense = await grid.ask('/api/v1/join', {
      method: 'POST',
      token: null,
      body: { code: joinCode, kind: 'native', name: '', publicKey: 'AAAA', signature: 'AAAA' },
    });
    expect(errorOf(nonsense).code).toBe('INVALID_INPUT');
  });

  it('can not use its key as a token, nor a token as its key', async () => {
    const { key, hostKey } = await grid.joinKey();
    expect((await grid.ask('/api/v1/whoami', { token: key })).status).toBe(401);
    await expect(connectWorker({ url: grid.url, key: grid.adminToken, hostKey })).rejects.toThrow(/UNAUTHENTICATED|FORBIDDEN/);
    await expect(connectWorker({ url: grid.url, key, hostKey: '0'.repeat(64) })).rejects.toThrow(/UNAUTHENTICATED|FORBIDDEN/);
  });

  it('reads and writes bytes only for an attempt that it holds', async () => {
    const { key } = await grid.joinKey();
    const path = `/artifacts/sha256:${'0'.repeat(64)}`;
    expect((await grid.ask(path, { token: key })).status).toBe(403);
    expect((await grid.ask(path, { token: key, headers: { 'x-udcs-attempt': 'job_00000000000000000000000000.0/1/1' } })).status).toBe(403);
    expect((await grid.ask(path, { method: 'PUT', raw: 'x', token: key, headers: { 'x-udcs-attempt': 'job_00000000000000000000000000.0/1/1' } })).status).toBe(
      403,
    );
  });

  it('ends its old key when it joins again', async () => {
    const pair = makeKeyPair();
    const first = (await joinWith(grid.running.doors.joinCode, 'native', pair)).json as { key: string; hostKey: string };
    const second = (await joinWith(grid.running.doors.joinCode, 'native', pair)).json as { key: string; hostKey: string };
    await expect(connectWorker({ url: grid.url, ...first })).rejects.toThrow(/UNAUTHENTICATED/);
    const worker = await connectWorker({ url: grid.url, ...second });
    await worker.close();
  });
});

describe('invites', () => {
  it('a donate link takes browser tabs only, without an owner', async () => {
    const { donateCode } = grid.running.doors;
    expect(errorOf(await joinWith(donateCode, 'native')).code).toBe('FORBIDDEN');
    const joined = (await joinWith(donateCode, 'browser')).json as { key: string; hostKey: string };
    const worker = await connectWorker({ url: grid.url, ...joined, kind: 'browser' });
    expect((await grid.ask(`/api/v1/workers/${worker.worker}`)).json).toMatchObject({ owner: null, kind: 'browser' });
    await worker.close();
  });

  it('end after their uses and after their time, and name their link', async () => {
    const once = await invite({ kind: 'native', uses: 1 });
    expect(once.url).toBe(`${grid.url}/join#${once.code}`);
    expect((await joinWith(once.code, 'native')).status).toBe(200);
    expect(errorOf(await joinWith(once.code, 'native')).code).toBe('UNAUTHENTICATED');
    const over = await invite({ kind: 'donate', expiresInMs: 0 });
    expect(errorOf(await joinWith(over.code, 'browser')).code).toBe('UNAUTHENTICATED');
  });

  it('take their workers with them when they are revoked', async () => {
    const made = await invite({ kind: 'native' });
    const joined = (await joinWith(made.code, 'native')).json as { key: string; hostKey: string };
    const worker = await connectWorker({ url: grid.url, ...joined });
    expect((await grid.ask(`/api/v1/invites/${made.invite.id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await worker.closed).code).toBe(4003);
    await expect(connectWorker({ url: grid.url, ...joined })).rejects.toThrow(/UNAUTHENTICATED/);
    expect(errorOf(await joinWith(made.code, 'native')).code).toBe('UNAUTHENTICATED');
    expect((await grid.ask('/api/v1/invites')).text).not.toContain(made.code);
  });

  it('let only so many tabs of one network join in a minute', async () => {
    const fresh = await wholeCoordinator();
    const statuses: number[] = [];
    for (let at = 0; at < 24; at++) {
      const pair = makeKeyPair();
      const code = fresh.running.doors.donateCode;
      statuses.push(
        (
          await fresh.ask('/api/v1/join', {
            method: 'POST',
            token: null,
            body: { code, kind: 'browser', name: '', publicKey: pair.publicKey, signature: pair.sign(code) },
          })
        ).status,
      );
    }
    expect(statuses.slice(0, 20)).toEqual(Array(20).fill(200));
    expect(statuses.slice(20)).toEqual([429, 429, 429, 429]);
    await fresh.close();
  });
});

describe('the operator', () => {
  it('logs in once with the link, as admin', async () => {
    const code = grid.running.dashboardUrl.split('#')[1];
    const login = () => grid.ask('/api/v1/login', { method: 'POST', token: null, body: { code } });
    const first = await login();
    expect(first.json).toMatchObject({ owner: 'admin', scopes: ['admin'] });
    expect((await grid.ask('/api/v1/whoami', { token: (first.json as { token: string }).token })).status).toBe(200);
    expect(errorOf(await login()).code).toBe('UNAUTHENTICATED');
  });

  it('has a token in a file that nobody else can read', async () => {
    const path = join(grid.dataDir, 'admin-token');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path, 'utf8')).trim()).toMatch(/^udcs_tok_[A-Za-z0-9_-]{43}$/);
    expect((await stat(join(grid.dataDir, 'invites.json'))).mode & 0o777).toBe(0o600);
  });

  it('sees tokens without their secrets', async () => {
    const made = await grid.token(['read'], { owner: 'someone' });
    const answer = await grid.ask('/api/v1/tokens');
    expect(answer.json).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ id: made.id, owner: 'someone', prefix: made.secret.slice(0, 13) })]),
    });
    expect(answer.text).not.toContain(made.secret);
    expect(answer.text).not.toContain('hash');
  });

  it('sends a worker into drain and sees it in the live list', async () => {
    const worker = await grid.worker({ name: 'drains' });
    const socket = await trpcSocket(grid.url, grid.adminToken);
    const changes = socket.subscribe('workers.changes', {});
    type Change = { workers: { id: string; name: string; state: string }[]; gone: string[] };
    const next = async () => (await changes.next()) as { data: Change };
    expect((await next()).data.workers.map((one) => one.id)).toContain(worker.worker);
    expect((await grid.ask(`/api/v1/workers/${worker.worker}/drain`, { method: 'POST' })).json).toEqual({ ok: true });
    let state = 'online';
    while (state === 'online') state = (await next()).data.workers.find((one) => one.id === worker.worker)?.state ?? state;
    expect(state).toBe('draining');
    await worker.close();
    let gone: string[] = [];
    while (!gone.includes(worker.worker)) gone = (await next()).data.gone;
    expect((await grid.ask(`/api/v1/workers/${worker.worker}`)).json).toMatchObject({ state: 'gone', name: 'drains' });
    socket.close();
  });

  it('finds the same doors open after a restart', async () => {
    const first = await wholeCoordinator();
    const { dataDir, adminToken } = first;
    const { doors } = first.running;
    const { key, hostKey } = await first.joinKey();
    await first.running.drain(0);
    const second = await wholeCoordinator({ dataDir });
    expect(second.adminToken).toBe(adminToken);
    expect([second.running.doors.joinCode, second.running.doors.donateCode]).toEqual([doors.joinCode, doors.donateCode]);
    expect(second.running.doors.loginCode).not.toBe(doors.loginCode);
    expect((await second.ask('/api/v1/whoami')).status).toBe(200);
    const worker = await connectWorker({ url: second.url, key, hostKey });
    await worker.close();
    await second.close();
  });
});
