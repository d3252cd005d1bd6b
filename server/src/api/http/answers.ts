// How this server answers outside tRPC: JSON, text, errors in one shape, and the plain pages for people without a dashboard.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorRecord, errorTable, type UdcsError } from '@udcs/protocol';
import { API_CSP } from './headers.ts';

const RETRY_AFTER_S = 5;

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'content-security-policy': API_CSP,
  });
  response.end(text);
}

export function answerText(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'content-security-policy': API_CSP,
    ...headers,
  });
  response.end(text);
}

/** `{ error: { code, message, hint } }`; a body that was not read to its end closes the connection. */
export function answerError(request: IncomingMessage, response: ServerResponse, error: ErrorRecord | UdcsError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { code, message, hint } = error;
  const facts = errorTable[code];
  if (facts.http === 429 || facts.http === 503) response.setHeader('retry-after', RETRY_AFTER_S);
  if (facts.http === 401) response.setHeader('www-authenticate', 'Bearer');
  if (!request.complete) response.setHeader('connection', 'close');
  answerJson(response, facts.http, { error: { code, message, ...(hint === undefined ? {} : { hint }) } });
}

const page = (title: string, body: string, head = ''): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">${head}<title>${title}</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}</style><h1>${title}</h1>${body}</html>`;

const PAGE_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

function answerPage(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'content-security-policy': PAGE_CSP,
    ...headers,
  });
  response.end(text);
}

/** `/` of a coordinator that runs without its dashboard. */
export const answerNoDashboard = (response: ServerResponse, status: 200 | 404): void =>
  answerPage(
    response,
    status,
    page(
      status === 404 ? 'Not found' : 'UDCS coordinator',
      `<p>This coordinator runs without its dashboard.</p><p>The API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>; the command <code>udcs</code> talks to this address.</p>`,
    ),
  );

/** While the dashboard starts or restarts; the page asks again by itself. */
export const answerDashboardStarting = (response: ServerResponse): void =>
  answerPage(
    response,
    503,
    page('Starting', '<p>The dashboard is starting. This page loads again in a second.</p>', '<meta http-equiv="refresh" content="1">'),
    { 'retry-after': '1' },
  );
