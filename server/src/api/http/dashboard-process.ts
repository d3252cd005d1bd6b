// Runs the dashboard (Next) as a child process: scrubbed environment, no path to the data, a loopback port picked at start,
// restarted with growing pauses when it ends. It ends with this process, even when this one is killed (its stdin closes).
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DashboardTarget } from './dashboard-proxy.ts';

export interface Dashboard {
  readonly target: DashboardTarget;
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const PROBE_MS = 100;
/** A child that lived this long was healthy; the next pause is short again. */
const HEALTHY_MS = 60_000;
const KILL_AFTER_MS = 3_000;

/** Whether `npm run build:app` was run. */
export const isDashboardBuilt = (appFolder: string): boolean => existsSync(join(appFolder, '.next', 'BUILD_ID'));

export function startDashboard(appFolder: string, note: (message: string) => void): Dashboard {
  const state: { port: number | null; child: ChildProcess | null; stopping: boolean; timer: NodeJS.Timeout | null; pauseMs: number } = {
    port: null,
    child: null,
    stopping: false,
    timer: null,
    pauseMs: FIRST_PAUSE_MS,
  };

  const launch = async (): Promise<void> => {
    const port = await freePort();
    if (state.stopping) return;
    const startedAtMs = performance.now();
    const next = createRequire(join(appFolder, 'package.json')).resolve('next/dist/bin/next');
    const launcher = fileURLToPath(new URL('./dashboard-launcher.js', import.meta.url));
    const child = spawn(process.execPath, [launcher, next, appFolder, String(port)], {
      cwd: appFolder,
      env: childEnvironment(process.env),
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    state.child = child;
    child.stderr.on('data', (chunk: Buffer) => note(`dashboard: ${chunk.toString('utf8').trim().slice(0, 500)}`));
    child.on('error', (error) => note(`the dashboard did not start: ${error.message}`));
    child.on('exit', (code, signal) => {
      state.child = null;
      state.port = null;
      if (state.stopping) return;
      if (performance.now() - startedAtMs > HEALTHY_MS) state.pauseMs = FIRST_PAUSE_MS;
      note(`the dashboard ended (${signal ?? `code ${code}`}); it starts again in ${state.pauseMs / 1000} s`);
      again(state.pauseMs);
      state.pauseMs = Math.min(state.pauseMs * 2, LONGEST_PAUSE_MS);
    });
    if (await answers(port, () => state.child === child)) state.port = port;
  };
  const again = (pauseMs: number): void => {
    state.timer = setTimeout(() => void launch().catch((thrown: unknown) => note(`the dashboard did not start: ${String(thrown)}`)), pauseMs);
  };
  again(0);
  return {
    target: {
      get port() {
        return state.port;
      },
    },
    async stop() {
      state.stopping = true;
      if (state.timer !== null) clearTimeout(state.timer);
      const child = state.child;
      if (child === null) return;
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      await gone;
      clearTimeout(killer);
    },
  };
}

/** What a page server needs and nothing that could hold a secret. */
export function childEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SystemRoot'];
  const env: NodeJS.ProcessEnv = { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' };
  for (const name of kept) if (environment[name] !== undefined) env[name] = environment[name];
  return env;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });

/** Waits until the child answers, as long as it lives. */
async function answers(port: number, alive: () => boolean): Promise<boolean> {
  while (alive()) {
    const ok = await fetch(`http://127.0.0.1:${port}/`, { method: 'HEAD', signal: AbortSignal.timeout(5_000) }).then(
      () => true,
      () => false,
    );
    if (ok) return alive();
    await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
  }
  return false;
}
