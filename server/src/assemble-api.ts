import { fileURLToPath } from 'node:url';
import { toUdcsError } from '@udcs/protocol';
import type { Logger } from 'pino';
import { createArtifactAuthorizer } from './api/adapters/artifact-authorizer.ts';
import { artifactReadsOf } from './api/adapters/artifacts.ts';
import { gridOf } from './api/adapters/grid.ts';
import { keysOf, workerKeysOf } from './api/adapters/keys.ts';
import { readsOf } from './api/adapters/reads.ts';
import { createAuthenticator } from './api/auth/authenticator.ts';
import { type Doors, prepareDoors } from './api/auth/first-start.ts';
import { createIssuing } from './api/auth/issuing.ts';
import { createJoining } from './api/auth/joining.ts';
import { type CoordinatorOptions, ownAddresses } from './api/command-line.ts';
import { createHandlers } from './api/handlers/handlers.ts';
import { type Dashboard, isDashboardBuilt, startDashboard } from './api/http/dashboard-process.ts';
import { createDashboardProxy } from './api/http/dashboard-proxy.ts';
import { type LoopLag, watchLoopLag } from './api/http/loop-lag.ts';
import { createMetrics } from './api/http/metrics.ts';
import { allowedOrigins } from './api/http/origins.ts';
import type { HttpParts, HttpServer } from './api/http/server.ts';
import { createWorkerBundle } from './api/http/worker-bundle.ts';
import type { Grid } from './api/ports.ts';
import { openApiDocument } from './api/rpc/openapi.ts';
import { createRouter } from './api/rpc/router.ts';
import { type HostLinks, watchHosts } from './api/sockets/host-links.ts';
import { createTrpcSockets } from './api/sockets/trpc-socket.ts';
import { createWorkerSockets } from './api/sockets/worker-socket.ts';
import { type ArtifactBytes, collectArtifacts, createArtifactHandlers } from './artifacts/index.ts';
import { clock, journalOf, type RunningGrid, timers } from './assemble-grid.ts';
import { createGateway, type Gateway, outputCheck } from './shell/index.ts';
import { type Store, sweepEnded } from './store/index.ts';

const SOFTWARE = 'udcs/0.1.0';
const MESSAGES_PER_SECOND = 100;
const SWEEP_EVERY_MS = 10 * 60_000;
const LAG_LIMIT_MS = 200;
const NOT_BUILT = 'the dashboard is not built (npm run build:app); serving the API without it';

const besideServer = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const APP_FOLDER = besideServer('app');
const BUNDLE_FOLDER = besideServer('browser-worker/dist/bundle');

export interface ServedApi {
  readonly parts: HttpParts;
  readonly doors: Doors;
  /** Why there is no dashboard, or null. */
  readonly withoutDashboard: string | null;
  close(): Promise<void>;
}

type Address = { readonly url: string; readonly port: number };

export async function openApi(options: CoordinatorOptions, log: Logger, http: HttpServer, running: RunningGrid, address: Address): Promise<ServedApi> {
  const { store, bytes, coordinator } = running;
  const onDefect = (where: string, error: unknown) => log.error({ where, err: error }, 'a request met a defect');
  const keys = keysOf(store.access, store.reader);
  const issuing = createIssuing(keys, clock.wallMs);
  const authenticator = createAuthenticator(keys, clock);
  const doors = await prepareDoors({ dataDir: options.dataDir, keys, issuing, wallMs: clock.wallMs });
  const links = watchHosts(coordinator);
  const grid = gridOf(coordinator, links, clock);
  const router = createRouter(
    createHandlers({
      grid,
      reads: readsOf(store.reader, coordinator),
      keys,
      artifacts: artifactReadsOf(store.artifacts, store.reader, running.entries, clock.wallMs),
      authenticator,
      issuing,
      joining: createJoining({ keys, issuing, authenticator, clock }),
      rules: { allowMock: options.allowMock },
      clock,
      software: SOFTWARE,
      publicUrl: address.url,
    }),
  );
  const trpcSockets = createTrpcSockets({ router, authenticator, onDefect });
  const workerSockets = createWorkerSockets(gatewayOf(running, links, log));
  const loopLag = watchLoopLag();
  const dashboard = options.dashboard && isDashboardBuilt(APP_FOLDER) ? startDashboard(APP_FOLDER, (message) => log.warn(message)) : null;
  const sweeping = setInterval(() => sweep(store, bytes, log), SWEEP_EVERY_MS).unref();
  const artifacts = createArtifactHandlers({
    artifacts: bytes,
    outputs: store.reader,
    authorize: createArtifactAuthorizer(store.access, authenticator, coordinator),
    onDefect: (error) => onDefect('/artifacts', error),
  });
  return {
    doors,
    withoutDashboard: dashboard !== null ? null : options.dashboard ? NOT_BUILT : 'started with --no-dashboard',
    parts: {
      ...pages(options, address, dashboard),
      ...health(http, running, grid, loopLag),
      router,
      authenticator,
      trpcSockets,
      workerSockets,
      artifacts,
      onDefect,
    },
    async close() {
      clearInterval(sweeping);
      loopLag.stop();
      trpcSockets.close();
      workerSockets.close();
      authenticator.close();
      await dashboard?.stop();
    },
  };
}

const gatewayOf = ({ store, grants }: RunningGrid, links: HostLinks, log: Logger): Gateway =>
  createGateway(
    {
      clock,
      timers,
      keys: workerKeysOf(store.access),
      grants,
      outputs: outputCheck({ missing: (digests) => store.artifacts.findUnstored(digests) }),
      journal: journalOf(log),
      messagesPerSecond: MESSAGES_PER_SECOND,
    },
    links.intake,
  );

function pages(
  options: CoordinatorOptions,
  { url, port }: Address,
  dashboard: Dashboard | null,
): Pick<HttpParts, 'origins' | 'https' | 'workerBundle' | 'dashboard' | 'openApi'> {
  const socketOrigin = url.replace(/^http/, 'ws');
  return {
    origins: allowedOrigins(new URL(url), { host: options.host, port, addresses: ownAddresses() }),
    https: url.startsWith('https:'),
    workerBundle: createWorkerBundle({ folder: BUNDLE_FOLDER, socketOrigin }),
    dashboard: dashboard === null ? null : createDashboardProxy({ target: dashboard.target, socketOrigin }),
    openApi: () => openApiDocument({ publicUrl: url, version: SOFTWARE.split('/')[1] ?? '' }),
  };
}

function health(http: HttpServer, { store, coordinator, commits }: RunningGrid, grid: Grid, loopLag: LoopLag): Pick<HttpParts, 'notReady' | 'metrics'> {
  return {
    notReady() {
      if (!coordinator.ready) return 'not taking work';
      if (store.writer.isFull) return 'the store can not write';
      return loopLag.ms > LAG_LIMIT_MS ? `the event loop lags ${Math.round(loopLag.ms)} ms` : null;
    },
    metrics: createMetrics({ commits, overview: grid.overview, backlog: () => store.writer.backlog, sockets: () => http.sockets, loopLagMs: () => loopLag.ms }),
  };
}

/** Ended jobs and bytes nobody needs go after their time. */
function sweep(store: Store, bytes: ArtifactBytes, log: Logger): void {
  sweepEnded(store.writer, clock.wallMs())
    .then(() => collectArtifacts(bytes, clock.wallMs()))
    .catch((thrown: unknown) => log.warn({ err: toUdcsError(thrown).message }, 'old jobs and artifacts were not removed'));
}
