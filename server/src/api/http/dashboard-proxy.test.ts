// What passes between a browser and the dashboard process, seen from the dashboard's side.
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childEnvironment } from './dashboard-process.ts';
import { createDashboardProxy } from './dashboard-proxy.ts';

const target = { port: null as number | null };
const seen: { url: string; headers: IncomingHttpHeaders }[] = [];
let upstream: Server;
let front: Server;
const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const listen = (server: Server) => new Promise<Server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));

beforeAll(async () => {
  upstream = await listen(
    createServer((incoming, answer) => {
      seen.push({ url: incoming.url ?? '', headers: incoming.headers });
      answer.writeHead(200, {
        'content-type': 'text/html',
        'x-powered-by': 'Next.js',
        'set-cookie': 'a=b',
        'x-middleware-rewrite': '/x',
        'content-security-policy': '*',
        vary: 'rsc',
        connection: 'x-secret-hop',
        'x-secret-hop': '1',
      });
      answer.end('<p>page');
    }),
  );
  front = await listen(createServer(createDashboardProxy({ target, socketOrigin: 'ws://127.0.0.1:1' })));
  target.port = portOf(upstream);
});
afterAll(() => {
  upstream.close();
  front.close();
});

function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: portOf(front), host: '127.0.0.1', path, agent: false, ...options }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('the dashboard proxy', () => {
  it('passes pages, and neither credentials nor control headers', async () => {
    const answer = await ask('/jobs?page=2', {
      headers: {
        authorization: 'Bearer udcs_tok_secret',
        cookie: 'session=1',
        'x-middleware-subrequest': 'middleware',
        'x-forwarded-host': 'evil.example',
        'x-invoke-path': '/admin',
        'next-action': 'abc',
        'x-hop': 'drop me',
        connection: 'x-hop',
        accept: 'text/html',
        rsc: '1',
      },
    });
    expect([answer.status, answer.text]).toEqual([200, '<p>page']);
    const got = seen.at(-1);
    expect(got?.url).toBe('/jobs?page=2');
    expect(got?.headers).toMatchObject({ accept: 'text/html', rsc: '1', host: `127.0.0.1:${target.port}` });
    for (const name of ['authorization', 'cookie', 'x-middleware-subrequest', 'x-forwarded-host', 'x-invoke-path', 'next-action', 'x-hop'])
      expect(got?.headers[name]).toBeUndefined();
  });

  it('brings back the page with our policy and without what names or controls the framework', async () => {
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['vary']).toBe('rsc');
    for (const name of ['x-powered-by', 'set-cookie', 'x-middleware-rewrite', 'x-secret-hop']) expect(headers[name]).toBeUndefined();
  });

  it('tells the page and the browser the same fresh nonce, whatever the browser asked for, and allows no other inline script', async () => {
    const nonces = new Set<string>();
    for (const path of ['/', '/jobs']) {
      const { headers } = await ask(path, { headers: { 'content-security-policy': "script-src 'nonce-mine'" } });
      const told = /'nonce-([^']+)'/.exec(String(seen.at(-1)?.headers['content-security-policy']))?.[1] ?? '';
      expect(told.length).toBeGreaterThanOrEqual(20);
      expect(headers['content-security-policy']).toContain(`script-src 'self' 'nonce-${told}';`);
      nonces.add(told);
    }
    expect(nonces.size).toBe(2);
  });

  it('lets nothing through that is no reading of a page', async () => {
    const before = seen.length;
    expect((await ask('/', { method: 'POST' })).status).toBe(400);
    expect((await ask('/_next/image?url=http://169.254.169.254/', {})).status).toBe(404);
    expect(seen.length).toBe(before);
  });

  it('says that the dashboard starts, while it does', async () => {
    target.port = null;
    const answer = await ask('/');
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(answer.text).toContain('starting');
    target.port = 1; // nothing listens there
    expect((await ask('/')).status).toBe(503);
    target.port = portOf(upstream);
  });

  it('gives the process an environment without secrets and without the data', () => {
    const env = childEnvironment({
      PATH: '/bin',
      HOME: '/home/x',
      UDCS_DATA: '/data',
      UDCS_TOKEN: 'udcs_tok_x',
      AWS_SECRET_ACCESS_KEY: 'y',
      NODE_OPTIONS: '--inspect',
      LANG: 'C',
    });
    expect(env).toEqual({ PATH: '/bin', LANG: 'C', NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' });
  });
});
