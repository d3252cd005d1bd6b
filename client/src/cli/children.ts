// The other programs of UDCS as child processes of the CLI: found beside it, started in a process group of their own (so
// that Ctrl-C reaches them in our order), ended by pid and waited for.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { UdcsError } from '@udcs/protocol';

/** Rooms lie beside each other, in a checkout and in a release alike. */
const mainOf = (room: 'server' | 'native-worker'): string => fileURLToPath(new URL(`../../../${room}/dist/main.js`, import.meta.url));

/** What a task allocates lives until its commit: a larger young generation spares the coordinator much of its garbage collection. */
const NODE_FLAGS = { server: ['--max-semi-space-size=32'], 'native-worker': [] } as const;

/** How long a child may take to finish its work after it was asked to end. */
const GRACE_MS = 30_000;
const LAST_LINES = 20;

export interface ChildOptions {
  /** `inherit`: the child writes to our terminal. `lines`: its lines are given to `onLine`. */
  readonly output: 'inherit' | 'lines';
  readonly onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
}

export class Child {
  readonly exited: Promise<number>;
  /** What it wrote last on stderr, for a report when it ends badly. */
  readonly lastLines: string[] = [];
  readonly #process: ChildProcess;
  #ended = false;

  constructor(room: 'server' | 'native-worker', args: readonly string[], options: ChildOptions) {
    const main = mainOf(room);
    if (!existsSync(main)) throw new UdcsError('INVALID_INPUT', `${main} is not there`, { hint: 'build first: npm run build' });
    const stdio = options.output === 'inherit' ? 'inherit' : 'pipe';
    this.#process = spawn(process.execPath, [...NODE_FLAGS[room], main, ...args], { stdio: ['ignore', stdio, stdio], detached: process.platform !== 'win32' });
    this.exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (code, signal) => {
        this.#ended = true;
        resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
      });
    });
    if (options.output === 'lines') {
      this.#read('stdout', options);
      this.#read('stderr', options);
    }
    // Should we die by an uncaught error, nothing is left behind.
    process.once('exit', () => {
      if (!this.#ended) this.#process.kill('SIGTERM');
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#ended) this.#process.kill(name);
  }

  /** Asks it to finish, waits, and ends it by force when it does not. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.signal('SIGTERM');
    const force = setTimeout(() => this.signal('SIGKILL'), GRACE_MS);
    await this.exited.catch(() => undefined);
    clearTimeout(force);
  }

  #read(name: 'stdout' | 'stderr', options: ChildOptions): void {
    const stream = this.#process[name];
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => {
      if (name === 'stderr') {
        this.lastLines.push(line);
        if (this.lastLines.length > LAST_LINES) this.lastLines.shift();
      }
      options.onLine?.(name, line);
    });
  }
}

/** Runs one child in our place: its output is ours, our signals are its. Resolves with its exit code. */
export async function become(room: 'server' | 'native-worker', args: readonly string[]): Promise<number> {
  const child = new Child(room, args, { output: 'inherit' });
  const forward = (signal: NodeJS.Signals) => child.signal(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, forward);
  return child.exited;
}
