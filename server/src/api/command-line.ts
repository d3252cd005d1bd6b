// The coordinator's flags and environment, checked before anything is opened.
import { homedir, networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UdcsError } from '@udcs/protocol';
import { isLoopbackHost } from './http/origins.ts';
import { isLogLevel, LOG_LEVELS, type LogLevel } from './log.ts';

export interface CoordinatorOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly dataDir: string;
  readonly publicUrl: URL | null;
  readonly dashboard: boolean;
  readonly allowMock: boolean;
  readonly logLevel: LogLevel;
  readonly json: boolean;
}

export const USAGE = `Usage: udcs coordinator [options]

  --port N            port to listen on (default 8080, 0 = any free one)
  --host ADDRESS      address to listen on (default 127.0.0.1)
  --data DIR          where jobs and artifacts are kept (default $UDCS_DATA or ~/.local/share/udcs)
  --public-url URL    address that people and workers use, when it is another one
  --no-dashboard      serve the API only
  --insecure          listen on a network address without TLS: tokens travel readable
  --allow-mock        take jobs of type MOCK (tests)
  --json              print one JSON line when it listens
  --help              this text

Environment: UDCS_DATA, UDCS_LOG (${LOG_LEVELS.join(', ')}; default warn)`;

/**
 * @returns null when help was asked for
 * @throws UdcsError INVALID_INPUT
 */
export function parseCommandLine(args: readonly string[], environment: NodeJS.ProcessEnv): CoordinatorOptions | null {
  const values = readFlags(args);
  if (values.help === true) return null;
  const host = values.host ?? '127.0.0.1';
  if (!isLoopbackHost(host) && values.insecure !== true) {
    throw new UdcsError('INVALID_INPUT', `--host ${host} would serve without TLS on the network`, {
      hint: 'put a TLS proxy in front of 127.0.0.1 and name it with --public-url, or add --insecure',
    });
  }
  const logLevel = environment['UDCS_LOG'] ?? 'warn';
  if (!isLogLevel(logLevel)) throw new UdcsError('INVALID_INPUT', `UDCS_LOG is "${logLevel}"`, { hint: `it is one of ${LOG_LEVELS.join(', ')}` });
  return {
    host,
    port: portOf(values.port ?? '8080'),
    dataDir: resolve(values.data ?? environment['UDCS_DATA'] ?? join(environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'udcs')),
    publicUrl: values['public-url'] === undefined ? null : publicUrlOf(values['public-url']),
    dashboard: values['no-dashboard'] !== true,
    allowMock: values['allow-mock'] === true,
    logLevel,
    json: values.json === true,
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        data: { type: 'string' },
        'public-url': { type: 'string' },
        'no-dashboard': { type: 'boolean' },
        insecure: { type: 'boolean' },
        'allow-mock': { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (thrown) {
    throw new UdcsError('INVALID_INPUT', thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown), { hint: 'see --help' });
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new UdcsError('INVALID_INPUT', `--port ${text} is not a port`, { hint: 'a number from 0 to 65535' });
  return port;
}

function publicUrlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new UdcsError('INVALID_INPUT', `--public-url ${text} is not an http or https address`);
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new UdcsError('INVALID_INPUT', `--public-url ${text} has a path`, { hint: 'the coordinator lives at the root of its host' });
  return url;
}

/** What to print and put into links: the public address, else the one it listens on. */
export function urlOf(options: Pick<CoordinatorOptions, 'host' | 'publicUrl'>, port: number): string {
  if (options.publicUrl !== null) return options.publicUrl.origin;
  const everywhere = options.host === '0.0.0.0' || options.host === '::';
  const host = everywhere ? (ownAddresses().find((address) => !address.includes(':')) ?? '127.0.0.1') : options.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Addresses of this machine: IP literals can not be rebound, so answering to them is safe. */
export const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => !address.internal)
    .map((address) => address.address.split('%')[0] as string);
