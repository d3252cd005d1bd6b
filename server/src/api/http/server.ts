// The one HTTP server of the coordinator: looks at who asks and which door they mean, and passes on. Every door answers for
// itself; nothing here knows jobs or workers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import { toUdcsError, UdcsError } from '@udcs/protocol';
import { type Authenticator, bearerOf } from '../auth/authenticator.ts';
import { callerOf, checkScope } from '../rpc/caller.ts';
import { answerRest } from '../rpc/rest.ts';
import { REST_PREFIX } from '../rpc/rest-routes.ts';
import { type ApiRouter, isDefect, recordOf } from '../rpc/router.ts';
import { type ConnectionCaps, createConnectionCaps } from '../sockets/connection-caps.ts';
import type { TrpcSockets } from '../sockets/trpc-socket.ts';
import type { WorkerSockets } from '../sockets/worker-socket.ts';
import { answerError, answerJson, answerNoDashboard, answerText } from './answers.ts';
import { checkJsonShape, readJsonText } from './body.ts';
import { applySecurityHeaders } from './headers.ts';
import { BATCH_BODY_BYTES, BATCH_CALLS, CONNECTIONS_PER_ADDRESS, CONNECTIONS_TOTAL, HEADERS_MS, JSON_BODY_BYTES, REQUEST_MS } from './limits.ts';
import { checkHost, checkMutationOrigin, isLoopbackAddress, isOurOrigin, type Origins } from './origins.ts';

/** Answers a request under its prefix; `path` is the path without query. */
type Door = (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void> | void;

export interface HttpParts {
  readonly router: ApiRouter;
  readonly authenticator: Authenticator;
  readonly origins: Origins;
  readonly https: boolean;
  readonly trpcSockets: TrpcSockets;
  readonly workerSockets: WorkerSockets;
  readonly artifacts: Door;
  readonly workerBundle: (request: IncomingMessage, response: ServerResponse, name: string) => Promise<void>;
  /** null = this coordinator runs without its dashboard. */
  readonly dashboard: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  readonly openApi: () => unknown;
  /** null = ready; else why not. */
  readonly notReady: () => string | null;
  readonly metrics: { render(): Promise<string>; readonly contentType: string };
  readonly onDefect: (where: string, error: unknown) => void;
}

export interface HttpServer {
  readonly server: Server;
  /** Sockets after an upgrade. */
  readonly sockets: { readonly workers: number; readonly clients: number };
  /** @throws Error EADDRINUSE … @returns the port */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new connection and ends idle ones. */
  close(): Promise<void>;
}

/** @param look what is served; null while the coordinator is still opening its store */
export function createHttpServer(look: () => HttpParts | null): HttpServer {
  const server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: 0, keepAliveTimeout: 65_000, connectionsCheckingInterval: 2_000 });
  const caps = createConnectionCaps({ perAddress: CONNECTIONS_PER_ADDRESS, total: CONNECTIONS_TOTAL });
  const open = { workers: 0, clients: 0 };
  server.on('request', (request, response) => {
    const parts = look();
    applySecurityHeaders(response, { https: parts?.https ?? false });
    if (parts === null) {
      answerText(response, 503, 'the coordinator is starting\n', { 'retry-after': '1' });
      return;
    }
    handle(parts, request, response).catch((thrown: unknown) => {
      if (isDefect(thrown)) parts.onDefect(request.url?.split('?', 1)[0] ?? '', thrown);
      answerError(request, response, recordOf(thrown));
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const parts = look();
    if (parts === null) refuse(socket, new UdcsError('OVERLOADED', 'the coordinator is starting'));
    else upgrade(parts, caps, open, request, socket, head);
  });
  return {
    server,
    sockets: open,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 1_000).unref();
      }),
  };
}

async function handle(parts: HttpParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = request.url ?? '/';
  if (!target.startsWith('/')) throw new UdcsError('INVALID_INPUT', 'the request target is not a path');
  const path = target.split('?', 1)[0] as string;
  if (path === '/healthz') return answerText(response, 200, 'ok\n');
  checkHost(request.headers, parts.origins);
  if (request.method !== 'GET' && request.method !== 'HEAD') checkMutationOrigin(request, parts.origins);
  if (path.startsWith('/artifacts/')) return parts.artifacts(request, response, path);
  // Uploads may take long; everything else has thirty seconds to arrive.
  const slow = setTimeout(() => {
    if (!request.complete) request.destroy();
  }, REQUEST_MS).unref();
  request.on('close', () => clearTimeout(slow));
  if (path.startsWith('/trpc/')) return answerTrpc(parts, request, response, path.slice('/trpc/'.length));
  if (path === `${REST_PREFIX}/openapi.json`) return answerJson(response, 200, parts.openApi());
  if (path.startsWith(`${REST_PREFIX}/`)) {
    const url = new URL(target, 'http://localhost');
    const caller = await callerOf(parts.authenticator, bearerOf(request.headers.authorization), addressOf(request));
    return answerRest(parts.router, request, response, { path: path.slice(REST_PREFIX.length), query: url.searchParams }, caller, parts.onDefect);
  }
  if (path.startsWith('/worker/')) return parts.workerBundle(request, response, path.slice('/worker/'.length));
  if (path === '/readyz') return answerReady(parts, response);
  if (path === '/metrics') return answerMetrics(parts, request, response);
  if (path.startsWith('/ws/')) throw new UdcsError('INVALID_INPUT', `${path} is a WebSocket`, { hint: 'connect to it with a WebSocket client' });
  // The browser worker brings its donate page along, so that donating needs no dashboard; the code behind # survives the redirect.
  if (path === '/donate') return answerText(response, 302, '', { location: '/worker/donate.html' });
  if (parts.dashboard !== null) return parts.dashboard(request, response);
  answerNoDashboard(response, path === '/' ? 200 : 404);
}

async function answerTrpc(parts: HttpParts, request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  for (const input of url.searchParams.getAll('input')) checkJsonShape(input, JSON_BODY_BYTES);
  // The adapter parses the body itself; by then its size and shape are known to be harmless.
  const body = request.method === 'POST' ? await readJsonText(request, path === 'jobs.submitMany' ? BATCH_BODY_BYTES : JSON_BODY_BYTES) : undefined;
  await nodeHTTPRequestHandler({
    router: parts.router,
    req: body === undefined ? request : Object.assign(request, { body }),
    res: response,
    path,
    allowMethodOverride: true,
    maxBatchSize: BATCH_CALLS,
    createContext: ({ info }) =>
      callerOf(parts.authenticator, bearerOf(request.headers.authorization) ?? info.connectionParams?.['token'] ?? null, addressOf(request)),
    onError({ error, path: procedure }) {
      if (isDefect(error)) parts.onDefect(procedure ?? path, error);
    },
  });
}

function answerReady(parts: HttpParts, response: ServerResponse): void {
  const trouble = parts.notReady();
  if (trouble === null) answerText(response, 200, 'ready\n');
  else answerText(response, 503, `${trouble}\n`, { 'retry-after': '1' });
}

async function answerMetrics(parts: HttpParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isLoopbackAddress(addressOf(request)))
    checkScope(await callerOf(parts.authenticator, bearerOf(request.headers.authorization), addressOf(request)), 'read', 'overview.get');
  const text = await parts.metrics.render();
  answerText(response, 200, text, { 'content-type': parts.metrics.contentType });
}

const addressOf = (request: IncomingMessage): string => request.socket.remoteAddress ?? '';

/** Upgrades never reach the dashboard: two known sockets, from our own pages or from programs that send no Origin. */
function upgrade(
  parts: HttpParts,
  caps: ConnectionCaps,
  open: { workers: number; clients: number },
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on('error', () => socket.destroy());
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const trouble = upgradeTrouble(parts, request, path);
  if (trouble !== null) {
    refuse(socket, trouble);
    return;
  }
  const leave = caps.enter(addressOf(request));
  if (leave === null) {
    refuse(socket, new UdcsError('OVERLOADED', 'too many sockets are open from this address'));
    return;
  }
  const kind = path === '/ws/worker' ? 'workers' : 'clients';
  open[kind]++;
  socket.once('close', () => {
    open[kind]--;
    leave();
  });
  (path === '/ws/worker' ? parts.workerSockets : parts.trpcSockets).accept(request, socket, head);
}

function upgradeTrouble(parts: HttpParts, request: IncomingMessage, path: string): UdcsError | null {
  if (path !== '/ws/worker' && path !== '/ws/trpc') return new UdcsError('NOT_FOUND', 'there is no such socket');
  try {
    checkHost(request.headers, parts.origins);
  } catch (thrown) {
    return toUdcsError(thrown);
  }
  const { origin } = request.headers;
  return origin === undefined || isOurOrigin(origin, parts.origins) ? null : new UdcsError('FORBIDDEN', 'pages of other sites may not connect here');
}

function refuse(socket: Duplex, error: UdcsError): void {
  const body = JSON.stringify({ error: error.toRecord() });
  socket.end(
    `HTTP/1.1 ${error.http} ${error.code}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
