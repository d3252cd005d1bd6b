// Which names this server answers to, and which pages may talk to it. Exact lists: a host name that is not ours is DNS rebinding,
// an origin that is not ours is another web site driving a visitor's browser.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { UdcsError } from '@udcs/protocol';

export interface Origins {
  /** `host[:port]`, lower case, as in a Host header. */
  readonly hosts: ReadonlySet<string>;
  /** `scheme://host[:port]`, as browsers write Origin. */
  readonly origins: ReadonlySet<string>;
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);

/** Loopback addresses as sockets name them, including IPv4 inside IPv6. */
export const isLoopbackAddress = (address: string): boolean => address === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address);

/**
 * @param publicUrl what people type
 * @param listening where the socket is bound; loopback aliases of that port are ours too, and the bound address, or `addresses` of this machine when bound to all
 */
export function allowedOrigins(publicUrl: URL, listening: { readonly host: string; readonly port: number; readonly addresses?: readonly string[] }): Origins {
  const hosts = new Set<string>();
  const origins = new Set<string>();
  const allow = (scheme: string, host: string, port: number): void => {
    hosts.add(`${host}:${port}`);
    if (DEFAULT_PORTS[scheme] === port) hosts.add(host);
    origins.add(DEFAULT_PORTS[scheme] === port ? `${scheme}//${host}` : `${scheme}//${host}:${port}`);
  };
  allow(publicUrl.protocol, publicUrl.hostname.toLowerCase(), Number(publicUrl.port) || (DEFAULT_PORTS[publicUrl.protocol] as number));
  for (const host of LOOPBACK) allow('http:', host, listening.port);
  const everywhere = listening.host === '0.0.0.0' || listening.host === '::';
  for (const host of everywhere ? (listening.addresses ?? []) : [listening.host.toLowerCase()])
    allow('http:', host.includes(':') ? `[${host}]` : host, listening.port);
  return { hosts, origins };
}

/** @throws UdcsError FORBIDDEN when the Host header is not one of ours */
export function checkHost(headers: IncomingHttpHeaders, allowed: Origins): void {
  const host = headers.host?.toLowerCase();
  if (host !== undefined && allowed.hosts.has(host)) return;
  throw new UdcsError('FORBIDDEN', `this coordinator does not answer to the host name "${printable(host ?? '')}"`, {
    hint: 'use the address it printed at its start, or start it with --public-url',
  });
}

/** Whether an Origin header, when there is one, is ours. */
export const isOurOrigin = (origin: string | undefined, allowed: Origins): boolean => origin !== undefined && allowed.origins.has(origin);

/**
 * Requests that change something must not come from another site's page.
 * @throws UdcsError FORBIDDEN
 */
export function checkMutationOrigin(request: IncomingMessage, allowed: Origins): void {
  const origin = request.headers.origin;
  const site = request.headers['sec-fetch-site'];
  if (origin !== undefined ? isOurOrigin(origin, allowed) : site === undefined || site === 'same-origin' || site === 'none') return;
  throw new UdcsError('FORBIDDEN', `requests from the page ${printable(origin ?? String(site))} are not accepted`, {
    hint: 'open the dashboard at the address the coordinator printed',
  });
}

/** Text from outside, safe to show in one line. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 120);
