// NATIVE_EXEC from both sides: what a good program gets, and what a hostile one does not. Every limit is named in its error, and
// the worker takes the next task each time.
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import type { Digest, Job } from '@udcs/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeSandbox } from '../src/sandbox/sandbox.ts';
import type { Ended } from './fake-coordinator.ts';
import { compileProbe, inline, type Stage, stage, tempDir, textOf } from './harness.ts';

const MIB = 1024 * 1024;
const probe = compileProbe();
const sandbox = probeSandbox(tempDir());

describe.skipIf(probe === null)('NATIVE_EXEC', () => {
  let on: Stage;
  let executable: Digest;
  beforeAll(async () => {
    on = await stage({ deny: ['WGSL_KERNEL', 'WASM'] });
    executable = on.coordinator.put(readFileSync(probe ?? ''));
  });
  afterAll(() => on.end());

  const job = (args: string[], more: Partial<Job> & { spec?: Record<string, unknown> } = {}): Job => ({
    type: 'NATIVE_EXEC',
    resources: { cpus: 1, memoryBytes: 64 * MIB, diskBytes: 16 * MIB },
    timeouts: { executionMs: 20_000 },
    ...more,
    spec: { builds: [{ os: process.platform, arch: process.arch, executable }], args, ...more.spec },
  });
  const run = async (args: string[], more?: Parameters<typeof job>[1]): Promise<Ended> => {
    const [task] = on.coordinator.assign(job(args, more), { trusted: true });
    return on.coordinator.endOf(task);
  };
  const failed = async (args: string[], more?: Parameters<typeof job>[1]) => {
    const end = await run(args, more);
    if (end.kind !== 'failed') expect.fail(`should have failed: ${JSON.stringify(end)}`);
    return end.report;
  };
  const aliveAfter = async (): Promise<void> => {
    expect((await run(['exit', '0'])).kind).toBe('succeeded');
    expect(readFileSync('/proc/self/stat', 'utf8')).not.toBe('');
  };

  test('arguments with spaces, quotes and newlines, env, stdin, files and streams arrive as they are', async () => {
    const odd = ['two words', `"quoted" 'both'`, 'line\nbreak', '$(id) `id` ; | & *', '--ro-bind'];
    const end = await run(['echo', ...odd], {
      inputs: [{ name: 'a', source: inline('bytes of a'), path: 'in/a.txt' }],
      outputs: [
        { name: 'b', path: 'out/b.txt' },
        { name: 'said', path: '/dev/stdout' },
      ],
      spec: { stdin: 'hello', env: { MINE: 'yes' }, umask: 0o077 },
    });
    if (end.kind !== 'succeeded') expect.fail(JSON.stringify(end));
    expect(textOf(end.report.outputs['b'])).toBe('bytes of a');
    expect(textOf(end.report.outputs['said'])).toBe(`${odd.map((arg) => `[${arg}]\n`).join('')}stdin=hello\nindex=0 of 1 mine=yes\numask=077\n`);
    expect(textOf(end.report.log)).toContain('to stderr\n');
    expect(textOf(end.report.log)).toContain('stdin=hello\n');
    expect(end.report.exitCode).toBe(0);
    expect(end.report.usage.peakMemoryBytes).toBeGreaterThan(0);
  });

  test('an exit code that is no success fails with that code; one that is allowed succeeds', async () => {
    expect(await failed(['exit', '3'])).toMatchObject({ code: 'EXIT_CODE', exitCode: 3, message: expect.stringContaining('code 3') });
    expect(await run(['exit', '3'], { spec: { successExitCodes: [0, 3] } })).toMatchObject({ kind: 'succeeded', report: { exitCode: 3 } });
  });

  test('a crash names its signal', async () => {
    expect(await failed(['crash'])).toMatchObject({ code: 'CRASHED', signal: 'SIGSEGV' });
  });

  test('an executable whose bytes are not those of its digest is refused before it runs', async () => {
    const wrong: Digest = `sha256:${'1'.repeat(64)}`;
    on.coordinator.artifacts.set(wrong, readFileSync(probe ?? ''));
    const report = await failed(['exit', '0'], { spec: { builds: [{ os: process.platform, arch: process.arch, executable: wrong }] } });
    expect(report).toMatchObject({ code: 'WRONG_DIGEST', message: expect.stringContaining(wrong) });
    await aliveAfter();
  });

  test('lines reach the coordinator while the program runs', async () => {
    const [task] = on.coordinator.assign(job(['tick']), { trusted: true });
    const assigned = task;
    await on.coordinator.until(() => on.coordinator.logOf(assigned).includes('tick 3'), 'the fourth line', 3_000);
    expect(on.coordinator.ended.has(assigned.name)).toBe(false);
    expect((await on.coordinator.endOf(assigned)).kind).toBe('succeeded');
  });

  test('what a failed program printed is in its log, though the output that kept it is lost', async () => {
    const report = await failed(['tick'], { outputs: [{ name: 'said', path: '/dev/stdout' }], timeouts: { executionMs: 1_500 } });
    expect(report.code).toBe('TIMEOUT');
    expect(textOf(report.log)).toContain('tick 0\n');
  });

  test('an output that was not written is named', async () => {
    expect(await failed(['exit', '0'], { outputs: [{ name: 'b', path: 'out/b.txt' }] })).toMatchObject({
      code: 'OUTPUT_MISSING',
      message: expect.stringContaining('out/b.txt'),
    });
  });

  test('a link that points out of the folder is not an output', async () => {
    expect(await failed(['link-out'], { outputs: [{ name: 'b', path: 'out/b.txt' }] })).toMatchObject({
      code: 'OUTPUT_MISSING',
      message: expect.stringContaining('not a plain file'),
    });
  });

  test('an endless loop ends at its wall limit', async () => {
    expect(await failed(['spin'], { timeouts: { executionMs: 500 } })).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('executionMs (500 ms)'),
    });
    await aliveAfter();
  });

  test('a flood of output ends at maxBytes, and without a declared output at the log cap', async () => {
    expect(await failed(['flood'], { outputs: [{ name: 'said', path: '/dev/stdout', maxBytes: 10_000 }] })).toMatchObject({
      code: 'OUTPUT_LIMIT',
      message: expect.stringContaining('maxBytes (10000)'),
    });
    expect(await failed(['flood'])).toMatchObject({ code: 'OUTPUT_LIMIT', message: expect.stringContaining('printed more than') });
    await aliveAfter();
  });

  test('one large file and many files both end at diskBytes', async () => {
    for (const what of ['fill', 'fill-many']) {
      expect(await failed([what])).toMatchObject({ code: 'DISK_LIMIT', message: expect.stringContaining(`diskBytes (${16 * MIB} bytes)`) });
    }
    await aliveAfter();
  });

  test.skipIf(sandbox.limits === 'weak')('a memory hog ends at memoryBytes', async () => {
    expect(await failed(['eat'])).toMatchObject({ code: 'MEMORY_LIMIT', message: expect.stringContaining(`memoryBytes (${64 * MIB} bytes)`) });
    await aliveAfter();
  });

  test.skipIf(sandbox.limits === 'weak')('a fork bomb ends at the process limit', async () => {
    expect(await failed(['forks'])).toMatchObject({ code: 'PROCESS_LIMIT', message: expect.stringContaining('processes') });
    await aliveAfter();
  });

  test.skipIf(sandbox.level !== 'sandbox')('nothing of the machine can be reached from inside', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    process.env['SECRET'] = 'of the worker';
    const end = await run(['escape', String(port), homedir()], { outputs: [{ name: 'said', path: '/dev/stdout' }] });
    server.close();
    if (end.kind !== 'succeeded') expect.fail(JSON.stringify(end));
    const doors = textOf(end.report.outputs['said']).trim().split('\n');
    expect(doors).toHaveLength(19);
    expect(doors.filter((door) => !door.endsWith('=no'))).toEqual([]);
  });

  test('cancel ends the program and all it started', async () => {
    const [task] = on.coordinator.assign(job(['orphan']), { trusted: true });
    const assigned = task;
    await on.coordinator.until(() => on.coordinator.logOf(assigned).includes('forked'), 'the fork');
    on.coordinator.send({ type: 'cancel', attempts: [assigned.ref], reason: 'canceled' });
    expect(await on.coordinator.endOf(assigned)).toEqual({ kind: 'released' });
    await aliveAfter();
  });
});
