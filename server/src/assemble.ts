// Puts the coordinator together: store, core and shell, artifacts, API, dashboard. Used by main.ts and by tests that want a
// whole coordinator inside their process. Order matters only here.
import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { type Digest, type TaskTypeName, toUdcsError, UdcsError } from '@udcs/protocol';
import { taskTypes } from '@udcs/tasks';
import type { Logger } from 'pino';
import { createArtifactAuthorizer } from './api/adapters/artifact-authorizer.ts';
import { artifactReadsOf } from './api/adapters/artifacts.ts';
import { gridOf } from './api/adapters/grid.ts';
import { keysOf, workerKeysOf } from './api/adapters/keys.ts';
import { readsOf } from './api/adapters/reads.ts';
import { timedWriter } from './api/adapters/timed-writer.ts';
import { createAuthenticator } from './api/auth/authenticator.ts';
import { type Doors, prepareDoors } from './api/auth/first-start.ts';
import { createJoining } from './api/auth/joining.ts';
import { type CoordinatorOptions, ownAddresses, urlOf } from './api/command-line.ts';
import { lockDataDir } from './api/data-lock.ts';
import { createHandlers, inviteUrl } from './api/handlers/handlers.ts';
import { isDashboardBuilt, startDashboard } from './api/http/dashboard-process.ts';
import { createDashboardProxy } from './api/http/dashboard-proxy.ts';
import { watchLoopLag } from './api/http/loop-lag.ts';
import { createCommitTimes, createMetrics } from './api/http/metrics.ts';
import { allowedOrigins } from './api/http/origins.ts';
import { createHttpServer, type HttpParts, type HttpServer } from './api/http/server.ts';
import { createWorkerBundle } from './api/http/worker-bundle.ts';
import { openApiDocument } from './api/rpc/openapi.ts';
import { createRouter } from './api/rpc/router.ts';
import { watchHosts } from './api/sockets/host-links.ts';
import { createTrpcSockets } from './api/sockets/trpc-socket.ts';
import { createWorkerSockets } from './api/sockets/worker-socket.ts';
import { ArtifactBytes, collectArtifacts, createArtifactHandlers, EntryFiles, FileArtifactStore } from './artifacts/index.ts';
import { Coordinator, createGateway, type Grants, hmacGrants, outputCheck, type Timers } from './shell/index.ts';
import { openStore, type Store, sweepEnded } from './store/index.ts';

const SOFTWARE = 'udcs/0.1.0';
const MESSAGES_PER_SECOND = 100;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const SWEEP_EVERY_MS = 10 * 60_000;
const LAG_LIMIT_MS = 200;

const besideServer = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const APP_FOLDER = besideServer('app');
const BUNDLE_FOLDER = besideServer('browser-worker/dist/bundle');

const clock = { monoMs: () => performance.now(), wallMs: () => Date.now() };
const timers: Timers = {
  wakeAt(monoMs, fn) {
    const timer = setTimeout(fn, Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil(monoMs - performance.now()))));
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (fn) => void setImmediate(fn),
};

export interface RunningCoordinator {
  readonly url: string;
  readonly doors: Doors;
  readonly dashboardUrl: string;
  readonly joinUrl: string;
  readonly donateUrl: string;
  /** Why there is no dashboard, or null. */
  readonly withoutDashboard: string | null;
  /** Gives no new lease, takes results for up to `withinMs`, then closes everything. */
  drain(withinMs?: number): Promise<void>;
}

/** @throws UdcsError CONFLICT when the port or the data folder is taken, STORE_UNAVAILABLE */
export async function startCoordinator(options: CoordinatorOptions, log: Logger, onFatal: (error: Error) => void): Promise<RunningCoordinator> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  let parts: HttpParts | null = null;
  const http = createHttpServer(() => parts);
  const port = await listen(http, options);
  const closers: (() => Promise<void> | void)[] = [() => http.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };
  try {
    closers.push(lockDataDir(options.dataDir));
    const url = urlOf(options, port);
    const running = await openGrid(options, log, onFatal);
    closers.push(running.close);
    const served = await openApi(options, log, http, running, url, port);
    parts = served.parts;
    closers.push(served.close);
    await writeFile(join(options.dataDir, 'coordinator.json'), `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 });
    closers.push(() => rm(join(options.dataDir, 'coordinator.json'), { force: true }));
    const { doors } = served;
    return {
      url,
      doors,
      dashboardUrl: `${url}/login#${doors.loginCode}`,
      joinUrl: inviteUrl(url, 'native', doors.joinCode),
      donateUrl: inviteUrl(url, 'donate', doors.donateCode),
      withoutDashboard: served.withoutDashboard,
      async drain(withinMs) {
        await running.coordinator.drain(withinMs);
        await closeAll();
      },
    };
  } catch (thrown) {
    await closeAll();
    throw thrown;
  }
}

async function listen(http: HttpServer, options: CoordinatorOptions): Promise<number> {
  try {
    return await http.listen(options.host, options.port);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
    if (code === 'EADDRINUSE')
      throw new UdcsError('CONFLICT', `port ${options.port} is in use`, { hint: 'choose another with --port, or stop the program that has it' });
    if (code === 'EACCES') throw new UdcsError('CONFLICT', `port ${options.port} may not be used by this user`, { hint: 'choose one above 1023 with --port' });
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new UdcsError('CONFLICT', `${options.host} is not an address of this machine`);
    throw thrown;
  }
}

interface RunningGrid {
  readonly store: Store;
  readonly bytes: ArtifactBytes;
  readonly entries: EntryFiles;
  readonly grants: Grants;
  readonly commits: ReturnType<typeof createCommitTimes>;
  readonly coordinator: Coordinator;
  /** After a drain only the reading side is still open. */
  close(): Promise<void>;
}

/** Store and scheduling loop: what is durable is taken up again. */
async function openGrid(options: CoordinatorOptions, log: Logger, onFatal: (error: Error) => void): Promise<RunningGrid> {
  const store = await openStore({ dataDir: options.dataDir, onFatal });
  const bytes = new ArtifactBytes({ store: await FileArtifactStore.open(join(options.dataDir, 'artifacts')), catalog: store.artifacts, wallMs: clock.wallMs });
  const entries = new EntryFiles(bytes);
  const commits = createCommitTimes();
  const grants = hmacGrants(Buffer.from(await store.access.settingOrNew('grant-key', () => randomBytes(32).toString('base64url')), 'base64url'));
  const coordinator = new Coordinator({
    clock,
    timers,
    writer: timedWriter(store.writer, (seconds) => commits.observe(seconds)),
    grants,
    entries: { read: (digest, indexes) => entries.read(digest as Digest, indexes) },
    types: (name: TaskTypeName) => taskTypes[name],
    journal: journalOf(log),
    seed: randomInt(2 ** 31),
    onFatal,
  });
  await coordinator.boot();
  const close = async (): Promise<void> => {
    await coordinator.stop();
    await store.reader.close();
  };
  return { store, bytes, entries, grants, commits, coordinator, close };
}

const journalOf = (log: Logger) => ({
  note: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => log[level]({ ...facts }, message),
});

interface Served {
  readonly parts: HttpParts;
  readonly doors: Doors;
  readonly withoutDashboard: string | null;
  close(): Promise<void>;
}

async function openApi(
  options: CoordinatorOptions,
  log: Logger,
  http: HttpServer,
  { store, bytes, entries, grants, commits, coordinator }: RunningGrid,
  url: string,
  port: number,
): Promise<Served> {
  const onDefect = (where: string, error: unknown) => log.error({ where, err: error }, 'a request met a defect');
  const keys = keysOf(store.access, store.reader);
  const authenticator = createAuthenticator(keys, clock);
  const joining = createJoining({ keys, authenticator, clock });
  const doors = await prepareDoors({ dataDir: options.dataDir, keys, joining, wallMs: clock.wallMs });
  const links = watchHosts(coordinator);
  const gateway = createGateway(
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
  const grid = gridOf(coordinator, links, clock);
  const router = createRouter(
    createHandlers({
      grid,
      reads: readsOf(store.reader, coordinator),
      keys,
      artifacts: artifactReadsOf(store.artifacts, store.reader, entries, clock.wallMs),
      authenticator,
      joining,
      rules: { allowMock: options.allowMock },
      clock,
      software: SOFTWARE,
      publicUrl: url,
    }),
  );
  const trpcSockets = createTrpcSockets({ router, authenticator, onDefect });
  const workerSockets = createWorkerSockets(gateway);
  const loopLag = watchLoopLag();
  const dashboard = options.dashboard && isDashboardBuilt(APP_FOLDER) ? startDashboard(APP_FOLDER, (message) => log.warn(message)) : null;
  const socketOrigin = url.replace(/^http/, 'ws');
  const sweeping = setInterval(() => sweep(store, bytes, log), SWEEP_EVERY_MS).unref();
  return {
    doors,
    withoutDashboard:
      dashboard !== null
        ? null
        : options.dashboard
          ? 'the dashboard is not built (npm run build:app); serving the API without it'
          : 'started with --no-dashboard',
    parts: {
      router,
      authenticator,
      origins: allowedOrigins(new URL(url), { host: options.host, port, addresses: ownAddresses() }),
      https: url.startsWith('https:'),
      trpcSockets,
      workerSockets,
      artifacts: createArtifactHandlers({
        artifacts: bytes,
        outputs: store.reader,
        authorize: createArtifactAuthorizer(store.access, authenticator, coordinator),
        onDefect: (error) => onDefect('/artifacts', error),
      }),
      workerBundle: createWorkerBundle({ folder: BUNDLE_FOLDER, socketOrigin }),
      dashboard: dashboard === null ? null : createDashboardProxy({ target: dashboard.target, socketOrigin }),
      openApi: () => openApiDocument({ publicUrl: url, version: SOFTWARE.split('/')[1] ?? '' }),
      notReady: () =>
        !coordinator.ready
          ? 'not taking work'
          : store.writer.isFull
            ? 'the store can not write'
            : loopLag.ms > LAG_LIMIT_MS
              ? `the event loop lags ${Math.round(loopLag.ms)} ms`
              : null,
      metrics: createMetrics({
        commits,
        overview: grid.overview,
        backlog: () => store.writer.backlog,
        sockets: () => http.sockets,
        loopLagMs: () => loopLag.ms,
      }),
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

/** Ended jobs and bytes nobody needs go after their time. */
function sweep(store: Store, bytes: ArtifactBytes, log: Logger): void {
  sweepEnded(store.writer, clock.wallMs())
    .then(() => collectArtifacts(bytes, clock.wallMs()))
    .catch((thrown: unknown) => log.warn({ err: toUdcsError(thrown).message }, 'old jobs and artifacts were not removed'));
}
