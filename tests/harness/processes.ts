// Real processes for the demo, the end-to-end tests and the benches: a coordinator, native workers, a headless donating tab. Each is
// ended by its pid, and none is left behind: `stopAll` runs on every way out.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type BrowserContext, chromium, type Page } from 'playwright';
import { CHROMIUM_FLAGS, findChromium } from './chromium.ts';

export const root = join(import.meta.dirname, '..', '..');

export interface Listening {
  readonly url: string;
  readonly dashboardUrl: string;
  readonly joinUrl: string;
  readonly donateUrl: string;
  readonly adminTokenFile: string;
}

/** A port of the loopback interface that is free now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

/** One started process: ended once, observed by everybody. */
export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<number | null>;
}

export interface WorkerOptions {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Playwright would end this process on Ctrl-C before `stopAll` could end the others. */
const ownSignals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };

export class Processes {
  readonly folder: string;
  readonly #port: number;
  readonly #coordinatorArgs: readonly string[];
  readonly #running = new Set<Running>();
  readonly #tabs = new Set<BrowserContext>();

  /** @param folder where data, state and logs go */
  constructor(folder: string, port: number, coordinatorArgs: readonly string[] = []) {
    this.folder = folder;
    this.#port = port;
    this.#coordinatorArgs = coordinatorArgs;
    mkdirSync(folder, { recursive: true });
  }

  start(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid === undefined) throw new Error(`${name} did not start`);
    const log = createWriteStream(join(this.folder, `${name}.log`), { flags: 'a' });
    child.stderr.pipe(log, { end: false });
    child.stdout.pipe(log, { end: false });
    const running: Running = { child, pid: child.pid, ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))) };
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }

  /** Starts (or starts again) the coordinator on the same port and data. Settles when it listens. */
  coordinator(): Promise<Running & { readonly listening: Listening }> {
    const args = [
      '--max-semi-space-size=32',
      join(root, 'server/dist/main.js'),
      '--json',
      '--port',
      String(this.#port),
      '--data',
      join(this.folder, 'data'),
      ...this.#coordinatorArgs,
    ];
    const running = this.start('coordinator', args);
    return new Promise((resolve, reject) => {
      void running.ended.then((code) => reject(new Error(`the coordinator ended with ${code}; see ${join(this.folder, 'coordinator.log')}`)));
      createInterface({ input: running.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const listening = listeningIn(line);
        if (listening !== null) resolve({ ...running, listening });
      });
    });
  }

  worker(joinUrl: string, options: WorkerOptions): Running {
    const args = [
      join(root, 'native-worker/dist/main.js'),
      joinUrl,
      '--name',
      options.name,
      '--state-dir',
      join(this.folder, options.name),
      ...(options.args ?? []),
    ];
    return this.start(options.name, args, { UDCS_EXECUTION_LOG: this.executionLog(options.name), ...options.env });
  }

  /** Where a native worker of this name writes one JSON line per started and finished attempt. */
  executionLog(name: string): string {
    return join(this.folder, `${name}.executions.jsonl`);
  }

  /** kill -9. Settles when the process is gone. */
  async kill(running: Running): Promise<void> {
    running.child.kill('SIGKILL');
    await running.ended;
  }

  /** A fresh browser profile with one page. null when no Chromium is here. */
  async browser(name: string, extraFlags: readonly string[] = []): Promise<{ page: Page; close: () => Promise<void> } | null> {
    const executablePath = await findChromium();
    if (executablePath === null) return null;
    const context = await chromium.launchPersistentContext(join(this.folder, `profile-${name}`), {
      executablePath,
      headless: true,
      ...ownSignals,
      args: [...CHROMIUM_FLAGS, ...extraFlags],
    });
    this.#tabs.add(context);
    const close = async (): Promise<void> => {
      this.#tabs.delete(context);
      await context.close().catch(() => undefined);
    };
    return { page: context.pages()[0] ?? (await context.newPage()), close };
  }

  /** Tabs first, then SIGTERM to every process, SIGKILL after 5 s. */
  async stopAll(): Promise<void> {
    for (const tab of this.#tabs) await tab.close().catch(() => undefined);
    const running = [...this.#running];
    for (const { child } of running) child.kill('SIGTERM');
    const patience = setTimeout(() => {
      for (const { child } of running) child.kill('SIGKILL');
    }, 5_000);
    await Promise.all(running.map(({ ended }) => ended));
    clearTimeout(patience);
  }
}

function listeningIn(line: string): Listening | null {
  if (!line.startsWith('{')) return null;
  const message = JSON.parse(line) as { type?: string } & Listening;
  return message.type === 'listening' ? message : null;
}
