// Runs the built CLI as a person's shell does and keeps what came out; starts a whole grid with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Called with each piece of stderr; may send signals. */
  readonly onStderr?: (child: ChildProcess, soFar: string) => void;
}

export function udcs(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH, HOME, UDCS_DATA: '/nonexistent', ...options.env },
    cwd: options.cwd ?? tmpdir(),
    stdio: 'pipe',
  });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (part: Buffer) => stdout.push(part));
  child.stderr.on('data', (part: Buffer) => {
    stderr += part.toString();
    options.onStderr?.(child, stderr);
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const stdoutBytes = Buffer.concat(stdout);
      resolve({ code, stdout: stdoutBytes.toString(), stdoutBytes, stderr });
    });
  });
}

export interface GridOnThisMachine {
  readonly dataDir: string;
  readonly url: string;
  /** For `udcs(…, { env })`. */
  readonly env: { UDCS_DATA: string };
  readonly child: ChildProcess;
  /** Everything `udcs up` wrote on stdout. */
  lines(): string[];
  /** Ctrl-C; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** `udcs up` on a free port, with its worker joined. */
export async function startGrid(args: readonly string[] = []): Promise<GridOnThisMachine> {
  const dataDir = mkdtempSync(join(tmpdir(), 'udcs-client-'));
  const child = spawn(process.execPath, [MAIN, 'up', '--no-dashboard', '--port', '0', '--data', dataDir, '--allow-mock', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let errors = '';
  child.stderr.on('data', (part: Buffer) => {
    errors += part.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (part: Buffer) => {
      text += part.toString();
      const events = text
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as { type: string; url?: string });
      const listening = events.find((event) => event.type === 'listening');
      if (listening?.url !== undefined && (args.includes('--no-worker') || events.some((event) => event.type === 'joined'))) resolve(listening.url);
    });
    void exited.then((code) => reject(new Error(`udcs up ended with ${code}: ${errors}${text}`)));
  });
  const url = await ready;
  return {
    dataDir,
    url,
    env: { UDCS_DATA: dataDir },
    child,
    lines: () => text.trim().split('\n'),
    async stop() {
      child.kill('SIGINT');
      const code = await exited;
      await rm(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

export interface CoordinatorAlone {
  readonly listening: { readonly url: string; readonly joinUrl: string };
  /** Of the coordinator itself, not of the CLI that started it. */
  readonly pid: number;
  readonly exited: Promise<number | null>;
  stop(): Promise<number | null>;
}

/** `udcs coordinator` on a port (0 = a free one). */
export async function startCoordinator(dataDir: string, port: number): Promise<CoordinatorAlone> {
  const child = spawn(process.execPath, [MAIN, 'coordinator', '--no-dashboard', '--allow-mock', '--json', '--port', String(port), '--data', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  let text = '';
  let errors = '';
  child.stderr.on('data', (part: Buffer) => {
    errors += part.toString();
  });
  const listening = await new Promise<{ url: string; joinUrl: string; pid: number }>((resolve, reject) => {
    child.stdout.on('data', (part: Buffer) => {
      text += part.toString();
      const line = text.split('\n').find((one) => one.includes('"listening"') && one.endsWith('}'));
      if (line !== undefined) resolve(JSON.parse(line));
    });
    void exited.then((code) => reject(new Error(`udcs coordinator ended with ${code}: ${errors}`)));
  });
  return {
    listening,
    pid: listening.pid,
    exited,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
