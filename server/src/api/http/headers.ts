// Headers every answer carries, and which headers never travel through the proxy. One place, so that a test can snapshot it.
import type { ServerResponse } from 'node:http';

/** On everything this server answers. Isolation headers are needed for SharedArrayBuffer on the donate page and harm nothing elsewhere. */
const securityHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
};

/** Answers that are data, never a page. */
export const API_CSP = "default-src 'none'; frame-ancestors 'none'";

/** Scripts of the donating tab: they load each other, compile WASM and talk to this origin, nothing else. */
export const workerCsp = (socketOrigin: string): string =>
  `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ${socketOrigin}; frame-ancestors 'none'`;

/** What names the nonce to the dashboard process: it writes it on each script of the page it makes. */
export const scriptPolicy = (nonce: string): string => `script-src 'self' 'nonce-${nonce}'`;

/** Pages of the dashboard: inline scripts only with this answer's nonce. Styles stay inline, because widths of bars are style attributes (ADR 0007). */
export const pageCsp = (socketOrigin: string, nonce: string): string =>
  [
    "default-src 'self'",
    scriptPolicy(nonce),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' blob: data:",
    "font-src 'self' data:",
    "worker-src 'none'",
    `connect-src 'self' ${socketOrigin}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

/** Connection-level headers (RFC 9110 §7.6.1): they belong to one hop and are never forwarded. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Copies headers for the next hop: without hop-by-hop ones, those the Connection header names, and those `drop` picks. */
export function forwardable(raw: readonly string[], drop: (name: string) => boolean): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([(raw[at] as string).toLowerCase(), raw[at + 1] as string]);
  const named = new Set(
    pairs
      .filter(([name]) => name === 'connection')
      .flatMap(([, value]) =>
        value
          .toLowerCase()
          .split(',')
          .map((token) => token.trim()),
      ),
  );
  return pairs.filter(([name]) => !hopByHop.has(name) && !named.has(name) && !drop(name));
}

/** Sets the headers common to all answers, HSTS only behind TLS. */
export function applySecurityHeaders(response: ServerResponse, options: { readonly https: boolean }): void {
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  if (options.https) response.setHeader('strict-transport-security', 'max-age=31536000');
}
