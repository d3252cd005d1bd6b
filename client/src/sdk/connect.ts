// Where the coordinator is and which token to show: what the program says, else the environment, else (in Node) the
// coordinator that runs on this machine under this user, else (in a browser) the page's own origin.
import { UdcsError } from '@udcs/protocol';
import { Grid } from './grid.ts';
import { environmentValue, nodeBuiltin } from './platform.ts';
import { Transport } from './transport.ts';

export interface ConnectOptions {
  /** Base URL of the coordinator, such as http://127.0.0.1:8080. Default: UDCS_URL, else the local coordinator. */
  readonly url?: string | undefined;
  /** Default: UDCS_TOKEN, else the local coordinator's admin token when `url` is not given. */
  readonly token?: string | undefined;
  /** Data folder of the local coordinator. Default: UDCS_DATA, else ~/.local/share/udcs */
  readonly dataDir?: string | undefined;
  readonly transport?: 'auto' | 'websocket' | 'http' | undefined;
  /** How long the first contact is tried. Default 10 s. */
  readonly connectMs?: number | undefined;
  /** How long calls go on after a connection was lost, such as a restart of the coordinator. Default 2 min. */
  readonly retryMs?: number | undefined;
  /** Told when an open connection is lost and when it is there again; nothing need be done about it. */
  readonly onConnection?: ((state: 'lost' | 'found') => void) | undefined;
}

/** Opens a grid. Nothing is sent before the first call. */
export function connect(options: ConnectOptions = {}): Grid {
  const { url, token } = locate(options);
  return new Grid(
    new Transport({
      url,
      token,
      transport: options.transport ?? 'auto',
      connectMs: options.connectMs ?? 10_000,
      retryMs: options.retryMs ?? 120_000,
      onConnection: options.onConnection,
    }),
  );
}

/** The address and token that `connect` would use. */
export function locate(options: Pick<ConnectOptions, 'url' | 'token' | 'dataDir'> = {}): { url: string; token: string | undefined } {
  const given = options.url ?? environmentValue('UDCS_URL');
  const token = options.token ?? environmentValue('UDCS_TOKEN');
  const dataDir = options.dataDir ?? defaultDataDir();
  const local = dataDir === null ? null : localCoordinator(dataDir);
  if (given !== undefined) {
    const url = baseUrl(given);
    return { url, token: token ?? (local !== null && local.url === url ? local.token : undefined) };
  }
  if (local !== null) return { url: local.url, token: token ?? local.token };
  const origin = (globalThis as { location?: { origin?: string } }).location?.origin;
  if (origin?.startsWith('http') === true) return { url: origin, token };
  throw new UdcsError('UNREACHABLE', `no coordinator has run on this machine yet${dataDir === null ? '' : ` (nothing in ${dataDir})`}`, {
    hint: 'start one with `udcs up`, or name another with --url or UDCS_URL',
  });
}

/** Folder where the coordinator of this user keeps its data; null in a browser. */
export function defaultDataDir(): string | null {
  const path = nodeBuiltin('node:path');
  const os = nodeBuiltin('node:os');
  if (path === null || os === null) return null;
  const base = environmentValue('XDG_DATA_HOME') ?? path.join(os.homedir(), '.local', 'share');
  return environmentValue('UDCS_DATA') ?? path.join(base, 'udcs');
}

/** What a coordinator on this machine wrote down about itself, or null. */
export function localCoordinator(dataDir: string): { url: string; token: string | undefined; pid: number | null } | null {
  const fs = nodeBuiltin('node:fs');
  const path = nodeBuiltin('node:path');
  if (fs === null || path === null) return null;
  try {
    const written: unknown = JSON.parse(fs.readFileSync(path.join(dataDir, 'coordinator.json'), 'utf8'));
    if (typeof written !== 'object' || written === null || !('url' in written) || typeof written.url !== 'string') return null;
    const pid = 'pid' in written && typeof written.pid === 'number' ? written.pid : null;
    return { url: baseUrl(written.url), token: readToken(fs, path.join(dataDir, 'admin-token')), pid };
  } catch {
    return null;
  }
}

function readToken(fs: NonNullable<ReturnType<typeof nodeBuiltin<'node:fs'>>>, file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

function baseUrl(given: string): string {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw new UdcsError('INVALID_INPUT', `"${given}" is not a URL`, { hint: 'it looks like http://127.0.0.1:8080' });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new UdcsError('INVALID_INPUT', `"${given}" is not an http or https URL`);
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
