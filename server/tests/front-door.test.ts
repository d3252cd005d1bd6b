// What the one port lets in: host names, origins, bodies, methods, headers, sockets. Real sockets against a whole coordinator.
import { connect } from 'node:net';
import { limits, WORKER_SUBPROTOCOL } from '@udcs/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { errorOf, trpcSocket, type WholeCoordinator, wholeCoordinator } from './whole-coordinator.ts';

let grid: WholeCoordinator;
let port: number;
beforeAll(async () => {
  grid = await wholeCoordinator();
  port = Number(new URL(grid.url).port);
});
afterAll(() => grid.close());

describe('host names', () => {
  it.each([
    ['127.0.0.1:PORT', 200],
    ['localhost:PORT', 200],
    ['LOCALHOST:PORT', 200],
    ['[::1]:PORT', 200],
    ['evil.example:PORT', 403],
    ['127.0.0.1.nip.io:PORT', 403],
    ['localhost', 403],
    ['localhost.:PORT', 403],
    ['localhost:1', 403],
    ['127.0.0.1:PORT.evil.example', 403],
  ])('answers a request for %s with %i', async (host, status) => {
    expect((await grid.ask('/api/v1/whoami', { headers: { host: host.replace('PORT', String(port)) } })).status).toBe(status);
  });

  it('answers /healthz whatever the host name: a balancer asks by address', async () => {
    expect((await grid.ask('/healthz', { token: null, headers: { host: 'anything' } })).text).toBe('ok\n');
  });
});

/** Statuses of an upgrade: 101 or what refused it. */
function upgrade(path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, path === '/ws/worker' ? WORKER_SUBPROTOCOL : [], { headers });
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => resolve(0));
  });
}

describe('upgrades', () => {
  const cases: [string, number][] = [
    ['http://127.0.0.1:PORT', 101],
    ['http://localhost:PORT', 101],
    ['http://[::1]:PORT', 101],
    ['null', 403],
    ['https://127.0.0.1:PORT', 403],
    ['http://127.0.0.1', 403],
    ['http://127.0.0.1:1', 403],
    ['http://evil.example', 403],
    ['http://evil.example:PORT', 403],
    ['http://sub.localhost:PORT', 403],
    ['http://localhost.:PORT', 403],
    ['http://localhost:PORT/', 403],
    ['HTTP://LOCALHOST:PORT', 403],
    ['http://localhost:PORT.evil.example', 403],
    ['http://127.1:PORT', 403],
    ['http://2130706433:PORT', 403],
    ['http://0.0.0.0:PORT', 403],
    ['file://', 403],
    ['chrome-extension://abcdefgh', 403],
    ['http://localhost:PORT http://evil.example', 403],
    ['', 403],
  ];
  for (const path of ['/ws/trpc', '/ws/worker']) {
    it.each(cases)(`${path} from a page of "%s" gives %i`, async (origin, status) => {
      expect(await upgrade(path, { origin: origin.replace('PORT', String(port)) })).toBe(status);
    });
  }

  it('takes programs, which send no Origin', async () => {
    expect(await upgrade('/ws/trpc', {})).toBe(101);
    expect(await upgrade('/ws/worker', {})).toBe(101);
  });

  it('refuses a foreign host name and every other path', async () => {
    expect(await upgrade('/ws/trpc', { host: 'evil.example' })).toBe(403);
    expect(await upgrade('/_next/webpack-hmr', {})).toBe(404);
    expect(await upgrade('/', {})).toBe(404);
  });
});

describe('requests that change something', () => {
  const submit = (headers: Record<string, string>) => grid.ask('/api/v1/jobs', { body: { job: { type: 'MOCK', spec: { runMs: 0 } } }, headers });

  it('come from our own pages or from programs, not from other sites', async () => {
    expect((await submit({})).status).toBe(200);
    expect((await submit({ origin: grid.url })).status).toBe(200);
    expect((await submit({ origin: 'http://evil.example' })).status).toBe(403);
    expect((await submit({ origin: 'null' })).status).toBe(403);
    expect((await submit({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await submit({ 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  });

  it('say that they are JSON', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '']) {
      const answer = await grid.ask('/api/v1/jobs', { raw: '{}', headers: { 'content-type': type } });
      expect([answer.status, errorOf(answer).code]).toEqual([400, 'INVALID_INPUT']);
    }
  });
});

describe('bodies', () => {
  const post = (path: string, raw: string | Buffer) => grid.ask(path, { raw });

  it.each(['/api/v1/jobs', '/trpc/jobs.submit'])('%s refuses ten megabytes of "[" at once', async (path) => {
    const startedAtMs = performance.now();
    const answer = await post(path, Buffer.alloc(10 * 1024 * 1024, '[')).catch(() => null); // the connection may close before all is sent
    if (answer !== null) expect([answer.status, errorOf(answer)]).toMatchObject([413, { code: 'TOO_LARGE' }]);
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    expect((await grid.ask('/healthz')).status).toBe(200);
  });

  it.each([
    ['deep arrays', '['.repeat(500_000)],
    ['deep objects', '{"a":'.repeat(150_000)],
    ['very many values', `[${'0,'.repeat(400_000)}0]`],
    ['quotes that hide brackets', `["${'[\\"'.repeat(200_000)}",${'['.repeat(5_000)}`],
  ])('refuses %s before parsing', async (_name, raw) => {
    for (const path of ['/api/v1/jobs', '/trpc/jobs.submit']) {
      const startedAtMs = performance.now();
      const answer = await post(path, raw);
      expect([answer.status, errorOf(answer).code ?? (answer.json as { error: { data: { code: string } } }).error.data.code]).toEqual([413, 'TOO_LARGE']);
      expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    }
  });

  it('closes a WebSocket that sends them', async () => {
    const socket = await trpcSocket(grid.url, grid.adminToken);
    await socket.call('query', 'auth.whoami');
    socket.send('['.repeat(500_000));
    expect(await socket.closed).toBe(1009);
  });

  it('lets a stranger on a WebSocket say little', async () => {
    const socket = await trpcSocket(grid.url, null);
    socket.send(`{"id":1,"method":"query","params":{"path":"system.info","input":{"x":"${'y'.repeat(100_000)}"}}}`);
    expect(await socket.closed).toBe(1009);
  });

  it('refuses more than a mebibyte, except a batch of jobs', async () => {
    const big = { name: 'x'.repeat(1_100_000) };
    expect((await grid.ask('/api/v1/jobs', { body: { job: big } })).status).toBe(413);
    const labels = { note: 'x'.repeat(190) };
    const many = {
      jobs: Array.from({ length: 1_000 }, (_, at) => ({
        type: 'MOCK',
        spec: { runMs: 0 },
        name: 'y'.repeat(200),
        labels: { ...labels, a: 'z'.repeat(190), b: 'z'.repeat(190), c: 'z'.repeat(190), d: String(at) },
      })),
    };
    expect(Buffer.byteLength(JSON.stringify(many))).toBeGreaterThan(1024 * 1024);
    expect((await grid.ask('/api/v1/jobs/batch', { body: many })).status).toBe(200);
  });

  it('says where JSON is broken, in one sentence and without a stack', async () => {
    const answer = await post('/api/v1/jobs', '{"job": nope}');
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'INVALID_INPUT']);
    expect(answer.text).not.toMatch(/stack|node_modules|\.ts:/);
  });

  it('never lets special keys reach a prototype', async () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      for (const raw of [
        `{"${key}":{"polluted":1},"job":{}}`,
        `{"job":{"type":"MOCK","spec":{"runMs":0},"${key}":{"polluted":1}}}`,
        `{"job":{"type":"MOCK","spec":{"runMs":0,"${key}":{"polluted":1}}}}`,
        `{"job":{"type":"MOCK","spec":{"runMs":0},"labels":{"${key}":"x"}}}`,
      ])
        await post('/api/v1/jobs', raw);
    }
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect((await grid.ask('/healthz')).status).toBe(200);
  });
});

describe('answers', () => {
  const expected = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
  };

  it.each([
    '/',
    '/healthz',
    '/readyz',
    '/api/v1/info',
    '/api/v1/openapi.json',
    '/api/v1/nothing',
    '/trpc/system.info',
    '/worker/nothing.js',
    '/artifacts/nothing',
    '/metrics',
    '/ws/worker',
  ])('%s carries the security headers and a policy', async (path) => {
    const { headers } = await grid.ask(path);
    expect(headers).toMatchObject(expected);
    expect(headers['x-powered-by']).toBeUndefined();
    if (!path.startsWith('/trpc') && !path.startsWith('/artifacts')) expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  });

  it('names the methods a path has', async () => {
    const answer = await grid.ask('/api/v1/jobs', { method: 'DELETE' });
    expect([answer.status, answer.headers['allow']]).toEqual([400, expect.stringContaining('POST')]);
  });

  it.each(['/api/v1/whoami', '/trpc/auth.whoami', '/api/v1/jobs', '/artifacts/sha256:0000000000000000000000000000000000000000000000000000000000000000'])(
    '%s wants a token whatever a framework header or path trick says',
    async (path) => {
      const tricks: Record<string, string>[] = [
        {},
        { 'x-middleware-subrequest': 'middleware:middleware:middleware' },
        { 'x-middleware-next': '1' },
        { 'x-forwarded-for': '127.0.0.1' },
        { 'x-original-url': '/healthz' },
        { 'x-http-method-override': 'GET' },
      ];
      for (const headers of tricks) expect((await grid.ask(path, { token: null, headers })).status).toBe(401);
    },
  );

  it.each([
    '/api/v1/whoami.rsc',
    '/api/v1/whoami/',
    '/API/v1/whoami',
    '//api/v1/whoami',
    '/api/v1/%77hoami',
    '/api/v1/jobs/..%2Fwhoami',
    '/trpc/auth%2Ewhoami.rsc',
  ])('%s opens nothing', async (path) => {
    expect([400, 401, 404]).toContain((await grid.ask(path, { token: null })).status);
  });

  it('tells a plain page that the dashboard is left out', async () => {
    const answer = await grid.ask('/', { token: null });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(answer.text).toContain('/api/v1/openapi.json');
    expect((await grid.ask('/jobs', { token: null })).status).toBe(404);
  });

  it('is ready, and shows every limit and the queue to Prometheus', async () => {
    await vi.waitFor(async () => expect((await grid.ask('/readyz', { token: null })).text).toBe('ready\n'), { timeout: 20_000, interval: 200 }); // the machine may be busy
    const { text } = await grid.ask('/metrics', { token: null });
    for (const metric of [
      'udcs_tasks{place="queued"}',
      'udcs_workers{kind="native"}',
      'udcs_leases_expired_total',
      'udcs_reports_dropped_total',
      'udcs_commit_seconds_bucket',
      'udcs_event_loop_lag_seconds',
      `udcs_limit{name="jobBytes"} ${limits.jobBytes}`,
    ])
      expect(text).toContain(metric);
  });

  it('ends a connection that sends its headers too slowly', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    const startedAtMs = performance.now();
    await new Promise((resolve) => socket.on('close', resolve).on('error', resolve).resume());
    expect(performance.now() - startedAtMs).toBeLessThan(15_000);
  }, 60_000);
});
