// The worker as a process: exit codes, signals, restart without an invite, and what a kill -9 leaves behind (nothing).
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeCoordinator } from './fake-coordinator.ts';
import { compileProbe, tempDir, wasmFixture, workerEntry } from './harness.ts';

const probe = compileProbe();
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Run {
  readonly process: ChildProcess;
  readonly exit: Promise<number | null>;
  said(): string;
  complained(): string;
}

function start(args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [workerEntry, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const exit = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  return { process: child, exit, said: () => out, complained: () => err };
}

async function coordinatorAndState(): Promise<{ coordinator: FakeCoordinator; stateDir: string }> {
  const coordinator = await new FakeCoordinator().listen();
  const stateDir = tempDir();
  cleanups.push(() => coordinator.close());
  cleanups.push(() => rmSync(stateDir, { recursive: true, force: true }));
  return { coordinator, stateDir };
}

/** Pids of live processes whose command line holds a text. */
function alive(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text) && !/^State:\s+Z/m.test(readFileSync(`/proc/${name}/status`, 'utf8'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Pids of live processes whose working folder lies in a folder. */
function workingIn(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readlinkSync(`/proc/${name}/cwd`).startsWith(folder);
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function eventually(holds: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > untilMs) expect.fail(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('the command line', () => {
  test('usage errors exit 2 and say what is wrong', async () => {
    for (const [args, words] of [
      [['--no-such'], "Unknown option '--no-such'"],
      [['not-a-url'], 'not a join URL'],
      [['http://127.0.0.1:1/donate#x'], 'for browser tabs'],
      [['http://127.0.0.1:1/join'], 'no code'],
      [['--slots', '0', 'http://127.0.0.1:1/join#x'], '--slots 0'],
      [['--allow', 'FORTRAN', 'http://127.0.0.1:1/join#x', '--state-dir', tempDir()], 'no such task type'],
    ] as const) {
      const run = start(args);
      expect(await run.exit).toBe(2);
      expect(run.complained()).toContain(words);
      expect(run.complained()).not.toContain('    at ');
    }
  });

  test('no coordinator is exit 3, a wrong code is exit 4', async () => {
    const { coordinator, stateDir } = await coordinatorAndState();
    const nobody = start(['http://127.0.0.1:9/join#code', '--state-dir', tempDir(), '--deny', 'WGSL_KERNEL']);
    expect(await nobody.exit).toBe(3);
    expect(nobody.complained()).toContain('no coordinator answers at http://127.0.0.1:9');
    const refused = start([`${coordinator.url}/join#another-code`, '--state-dir', stateDir, '--deny', 'WGSL_KERNEL']);
    expect(await refused.exit).toBe(4);
    expect(refused.complained()).toContain('the code is not known');
  });
});

describe('a worker process', () => {
  test('keeps its key to itself, drains on SIGTERM with exit 0, and starts again without an invite', async () => {
    const { coordinator, stateDir } = await coordinatorAndState();
    const log = join(stateDir, 'execution.jsonl');
    const flags = ['--state-dir', stateDir, '--deny', 'WGSL_KERNEL', '--deny', 'WASM', '--allow-mock', '--json', '--name', 'tester'];
    const first = start([coordinator.joinUrl, ...flags], { UDCS_EXECUTION_LOG: log });
    const hello = await coordinator.joined();
    expect(hello.name).toBe('tester');
    for (const file of ['worker.json', 'host-key.pem']) expect(statSync(join(stateDir, file)).mode & 0o777).toBe(0o600);
    const [task] = coordinator.assign({ type: 'MOCK', spec: { runMs: 700 } });
    await coordinator.until(() => coordinator.frames.some((frame) => frame.type === 'report' && frame.started?.length), 'started');
    first.process.kill('SIGTERM');
    expect((await coordinator.endOf(task)).kind).toBe('succeeded');
    expect(await first.exit).toBe(0);
    const lines = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { event: 'started', attempt: 1 },
      { event: 'finished', outcome: 'succeeded' },
    ]);
    expect(
      first
        .said()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).type),
    ).toEqual(['detected', 'connecting', 'joined']);
    const second = start(flags);
    const again = await coordinator.joined(2);
    expect(again.hostKey).toBe(hello.hostKey);
    expect(again.instance).not.toBe(hello.instance);
    const third = start(flags);
    expect(await third.exit).toBe(2);
    second.process.kill('SIGINT');
    expect(await second.exit).toBe(0);
  });

  test('a second signal leaves at once with 130', async () => {
    const { coordinator, stateDir } = await coordinatorAndState();
    const run = start([coordinator.joinUrl, '--state-dir', stateDir, '--deny', 'WGSL_KERNEL', '--deny', 'WASM', '--allow-mock', '--json']);
    await coordinator.joined();
    coordinator.assign({ type: 'MOCK', spec: { hang: 'idle' } });
    await coordinator.until(() => coordinator.frames.some((frame) => frame.type === 'report' && frame.started?.length), 'started');
    run.process.kill('SIGINT');
    await coordinator.until(() => coordinator.frames.some((frame) => frame.type === 'intent' && frame.intent === 'drain'), 'drain');
    run.process.kill('SIGINT');
    expect(await run.exit).toBe(130);
    expect(coordinator.frames.at(-1)).toMatchObject({ type: 'intent', intent: 'leave' });
  });

  test.skipIf(probe === null)('kill -9 leaves no process behind, not even one that left its session', async () => {
    const { coordinator, stateDir } = await coordinatorAndState();
    const run = start([coordinator.joinUrl, '--state-dir', stateDir, '--deny', 'WGSL_KERNEL', '--slots', '2', '--json']);
    await coordinator.joined();
    const executable = coordinator.put(readFileSync(probe ?? ''));
    const module = coordinator.put(wasmFixture('spin'));
    const [native] = coordinator.assign(
      { type: 'NATIVE_EXEC', spec: { builds: [{ os: process.platform, arch: process.arch, executable }], args: ['orphan'] } },
      { trusted: true },
    );
    coordinator.assign({ type: 'WASM', spec: { module } });
    await coordinator.until(() => coordinator.logOf(native).includes('forked'), 'the fork');
    await coordinator.until(
      () => new Set(coordinator.frames.flatMap((frame) => (frame.type === 'report' ? (frame.started ?? []) : [])).map((ref) => ref.task)).size === 2,
      'both to run',
    );
    expect(alive(stateDir).length).toBeGreaterThan(1);
    expect(alive('/app/program\0orphan').length).toBeGreaterThan(0);
    run.process.kill('SIGKILL');
    await run.exit;
    await eventually(() => alive(stateDir).length === 0 && alive('/app/program\0orphan').length === 0, 'every child is gone');
  });

  test('without bubblewrap it says so, gives isolation `process`, runs the same tasks, and still leaves nothing behind', async () => {
    const { coordinator, stateDir } = await coordinatorAndState();
    // No bwrap and no setpriv on this PATH.
    const run = start([coordinator.joinUrl, '--state-dir', stateDir, '--deny', 'WGSL_KERNEL', '--allow', 'NATIVE_EXEC:untrusted'], { PATH: stateDir });
    const { capabilities } = await coordinator.joined();
    expect(capabilities.attributes['isolation']).toEqual(['none', 'process']);
    expect(capabilities.untrustedTypes).toEqual(['WASM']);
    expect(run.complained()).toContain('NATIVE_EXEC from strangers stays refused: bubblewrap (bwrap) is not installed');
    if (probe !== null) {
      const executable = coordinator.put(readFileSync(probe));
      const spec = { builds: [{ os: process.platform, arch: process.arch, executable }], args: ['exit', '0'] };
      const [native] = coordinator.assign({ type: 'NATIVE_EXEC', spec }, { trusted: true });
      expect((await coordinator.endOf(native)).kind).toBe('succeeded');
      const [stranger] = coordinator.assign({ type: 'NATIVE_EXEC', spec }, { trusted: false });
      expect(await coordinator.endOf(stranger)).toMatchObject({ kind: 'rejected', code: 'POLICY' });
    }
    coordinator.assign({ type: 'WASM', spec: { module: coordinator.put(wasmFixture('spin')) } });
    await coordinator.until(() => coordinator.frames.some((frame) => frame.type === 'report' && frame.started?.some(() => true)), 'the loop to run');
    expect(workingIn(stateDir).length).toBeGreaterThan(0);
    run.process.kill('SIGKILL');
    await run.exit;
    await eventually(() => workingIn(stateDir).length === 0, 'every child is gone');
  });
});
