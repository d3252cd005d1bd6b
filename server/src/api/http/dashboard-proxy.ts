// Passes page requests to the dashboard process. Only GET and HEAD, and only headers that a page needs: tokens, cookies,
// forwarding claims and the framework's own control headers stop here, so a hole in the web framework meets no credentials.
import { randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { UdcsError } from '@udcs/protocol';
import { answerDashboardStarting, answerError } from './answers.ts';
import { forwardable, pageCsp, scriptPolicy } from './headers.ts';

export interface DashboardTarget {
  /** null while it is not up. */
  readonly port: number | null;
}

const DROPPED_REQUEST_HEADERS = new Set([
  'authorization',
  'cookie',
  'forwarded',
  'x-real-ip',
  'next-action',
  'host',
  'content-length',
  'expect',
  'origin',
  'content-security-policy',
  'content-security-policy-report-only',
]);
const DROPPED_RESPONSE_HEADERS = new Set(['set-cookie', 'x-powered-by', 'server', 'content-security-policy']);
const DROPPED_PREFIXES = ['x-middleware-', 'x-forwarded-', 'x-invoke-', 'x-vercel-', 'x-udcs-'];
const TIMEOUT_MS = 30_000;

const isDroppedRequestHeader = (name: string): boolean => DROPPED_REQUEST_HEADERS.has(name) || DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix));

export function createDashboardProxy(options: {
  readonly target: DashboardTarget;
  readonly socketOrigin: string;
}): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answerError(request, response, new UdcsError('INVALID_INPUT', `${request.method} is not accepted here`, { hint: 'pages are read with GET' }));
    if ((request.url ?? '').startsWith('/_next/image')) return answerError(request, response, new UdcsError('NOT_FOUND', 'there is no image service here'));
    const port = options.target.port;
    if (port === null) return answerDashboardStarting(response);
    const nonce = randomBytes(16).toString('base64');
    const headers = forwardable(request.rawHeaders, isDroppedRequestHeader).flat();
    const upstream = httpRequest({
      host: '127.0.0.1',
      port,
      method: request.method,
      path: request.url,
      headers: [...headers, 'host', `127.0.0.1:${port}`, 'content-security-policy', scriptPolicy(nonce)],
      timeout: TIMEOUT_MS,
    });
    upstream.on('response', (answer) => {
      const passed = forwardable(answer.rawHeaders, (name) => DROPPED_RESPONSE_HEADERS.has(name) || name.startsWith('x-middleware-'));
      for (const [name, value] of passed) response.setHeader(name, value);
      response.setHeader('content-security-policy', pageCsp(options.socketOrigin, nonce));
      response.writeHead(answer.statusCode ?? 502);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    upstream.on('timeout', () => upstream.destroy(new Error('the dashboard did not answer')));
    upstream.on('error', () => {
      if (response.headersSent) response.destroy();
      else answerDashboardStarting(response);
    });
    response.on('close', () => upstream.destroy());
    upstream.end();
  };
}
