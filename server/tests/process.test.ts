// The coordinator as a program: what it prints, how it refuses to start, how it stops, what survives `kill -9`. Runs the built
// dist/main.js in real processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { connectWorker, makeKeyPair, succeed, type WireWorkerOptions } from './wire-worker.ts';

const MAIN = join(import.meta.dirname, '../dist/main.js');
const folders: string[] = [];
const children = new Set<ChildProcess>();
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'udcs-process-'));
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

interface Process {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly exit: Promise<number | string>;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Process {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exit = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => {
      children.delete(child);
      resolve(code ?? signal ?? '');
    }),
  );
  return { child, output, exit };
}

interface Listening {
  readonly url: string;
  readonly joinUrl: string;
  readonly dashboardUrl: string;
  readonly donateUrl: string;
  readonly pid: number;
  readonly adminTokenFile: string;
}

async function start(
  dataDir: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Process & { listening: Listening; token: string; ask(path: string, body?: unknown): Promise<unknown> }> {
  const running = run(['--port', '0', '--data', dataDir, '--no-dashboard', '--allow-mock', '--json', ...args], env);
  const line = await new Promise<string>((resolve, reject) => {
    running.child.stdout?.on('data', () => {
      const [first, ...rest] = running.output.stdout.split('\n');
      if (rest.length > 0) resolve(first as string);
    });
    void running.exit.then((code) => reject(new Error(`ended with ${code}: ${running.output.stderr}`)));
  });
  const listening = JSON.parse(line) as Listening;
  const token = readFileSync(listening.adminTokenFile, 'utf8').trim();
  const ask = async (path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${listening.url}/api/v1${path}`, {
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return answer.json();
  };
  return { ...running, listening, token, ask };
}

async function joined(listening: Listening, options: Partial<WireWorkerOptions> = {}) {
  const pair = makeKeyPair();
  const code = listening.joinUrl.split('#')[1] as string;
  const answer = await fetch(`${listening.url}/api/v1/join`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, kind: 'native', name: 'w', publicKey: pair.publicKey, signature: pair.sign(code) }),
  });
  return connectWorker({ url: listening.url, ...((await answer.json()) as { key: string; hostKey: string }), ...options });
}

const mock = (count: number) => ({ job: { type: 'MOCK', spec: { runMs: 0 }, array: { count } } });

describe('the start', () => {
  it('prints one JSON line, human lines, and writes what the command line of this machine needs', async () => {
    const dataDir = folder();
    const running = await start(dataDir);
    const { listening } = running;
    expect(listening).toMatchObject({ type: 'listening', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), pid: running.child.pid });
    expect(listening.joinUrl).toMatch(new RegExp(`^${listening.url}/join#udcs_inv_`));
    expect(listening.donateUrl).toMatch(new RegExp(`^${listening.url}/donate#udcs_inv_`));
    expect(listening.dashboardUrl).toMatch(new RegExp(`^${listening.url}/login#udcs_log_`));
    expect(JSON.parse(readFileSync(join(dataDir, 'coordinator.json'), 'utf8'))).toEqual({ url: listening.url, pid: running.child.pid });
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
    expect(running.output.stdout.trim().split('\n')).toHaveLength(1);
    expect(running.output.stderr).toContain('add a native worker');
  });

  it('says in one line that the port is in use, and ends with 2', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { output, exit } = run(['--port', String(port), '--data', folder(), '--no-dashboard']);
    expect(await exit).toBe(2);
    expect(output.stderr).toBe(`udcs coordinator: port ${port} is in use\n  choose another with --port, or stop the program that has it\n`);
    taken.close();
  });

  it('refuses a data folder that another coordinator uses, and takes over a dead one', async () => {
    const dataDir = folder();
    const first = await start(dataDir);
    const second = run(['--port', '0', '--data', dataDir, '--no-dashboard']);
    expect(await second.exit).toBe(2);
    expect(second.output.stderr).toContain(`is in use by another coordinator (process ${first.child.pid})`);
    first.child.kill('SIGKILL');
    await first.exit;
    const third = await start(dataDir);
    third.child.kill('SIGTERM');
    expect(await third.exit).toBe(0);
  });

  it.each([
    [['--host', '0.0.0.0'], /without TLS/],
    [['--prot', '1'], /Unknown option '--prot'/],
    [['--port', '99999'], /not a port/],
    [['--public-url', 'ftp://x'], /not an http or https address/],
    [['--public-url', 'http://x/path'], /has a path/],
    [['stray'], /stray/],
  ])('refuses %j in words, with 2', async (args, message) => {
    const { output, exit } = run([...args, '--data', folder()]);
    expect(await exit).toBe(2);
    expect(output.stderr).toMatch(message);
    expect(output.stderr).not.toMatch(/ at .*\(/);
  });

  it('explains its flags', async () => {
    const { output, exit } = run(['--help']);
    expect(await exit).toBe(0);
    for (const flag of ['--port', '--host', '--data', '--public-url', '--no-dashboard', '--insecure', '--allow-mock', '--json'])
      expect(output.stdout).toContain(flag);
  });
});

describe('the end', () => {
  it('on SIGTERM takes what still runs, gives nothing new, and ends with 0', async () => {
    const running = await start(folder());
    const held: (() => void)[] = [];
    const worker = await joined(running.listening, { onTask: (task, send) => held.push(() => succeed(task, send)) });
    const { id } = (await running.ask('/jobs', mock(2))) as { id: string };
    while (held.length < 2) await running.ask('/overview');
    running.child.kill('SIGTERM');
    while (!/no new work/.test(running.output.stderr)) await new Promise((resolve) => setImmediate(resolve));
    expect(await running.ask('/jobs', mock(1))).toMatchObject({ error: { code: 'OVERLOADED' } });
    for (const finish of held) finish();
    expect(await running.exit).toBe(0);
    expect((await worker.closed).code).toBe(1013);
    const again = await start(running.listening.adminTokenFile.replace('/admin-token', ''));
    expect(await again.ask(`/jobs/${id}`)).toMatchObject({ state: 'succeeded', counts: { succeeded: 2 } });
  });

  it('ends at once on a second SIGTERM', async () => {
    const running = await start(folder());
    let assigned = false;
    await joined(running.listening, { onTask: () => (assigned = true) });
    await running.ask('/jobs', mock(1));
    while (!assigned) await running.ask('/overview');
    running.child.kill('SIGTERM');
    while (!/no new work/.test(running.output.stderr)) await new Promise((resolve) => setImmediate(resolve));
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(130);
  });

  it('keeps every acknowledged job over kill -9, and finishes it', async () => {
    const dataDir = folder();
    const first = await start(dataDir);
    const ids: string[] = [];
    for (let at = 0; at < 5; at++) ids.push(((await first.ask('/jobs', { job: { ...mock(3).job, idempotencyKey: `k${at}` } })) as { id: string }).id);
    first.child.kill('SIGKILL');
    await first.exit;
    const second = await start(dataDir);
    expect(await second.ask('/jobs', { job: { ...mock(3).job, idempotencyKey: 'k0' } })).toMatchObject({ id: ids[0], existing: true });
    await joined(second.listening);
    for (const id of ids) while (((await second.ask(`/jobs/${id}`)) as { state: string }).state !== 'succeeded') await second.ask('/overview');
    expect(((await second.ask('/jobs')) as { items: unknown[] }).items).toHaveLength(5);
  });
});

describe('the log', () => {
  it('is JSON by level and never holds a secret', async () => {
    const running = await start(folder(), [], { UDCS_LOG: 'trace' });
    const planted = 'udcs_tok_PlantedPlantedPlantedPlantedPlantedPlanted1';
    await fetch(`${running.listening.url}/api/v1/whoami?token=${planted}`, { headers: { authorization: `Bearer ${planted}` } });
    await fetch(`${running.listening.url}/trpc/auth.whoami?connectionParams=${encodeURIComponent(JSON.stringify({ token: planted }))}`);
    const worker = await joined(running.listening);
    await worker.close();
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
    expect(running.output.stderr + running.output.stdout).not.toContain(planted);
    const lines = running.output.stderr.split('\n').filter((line) => line.startsWith('{'));
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number), msg: expect.any(String) });
    expect(lines.join('')).not.toMatch(/udcs_(tok|wrk|inv|log)_[A-Za-z0-9_-]{20}/);
  });
});
