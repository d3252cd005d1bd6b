// NATIVE_EXEC up to the border of the host: which build, which command, and what each end of a program becomes. That the
// sandbox holds is proven where it is (native-worker, tests/e2e).
import { readFileSync } from 'node:fs';
import { type Attributes, normalizeJob } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgramFailed, parseSpec, type SpawnResult } from '../../kit/index.ts';
import { nativeExecutors } from '../../native.ts';
import { digestOf, failureOf, fakeHost, inputOf, never, outputOf, taskOf } from '../../testing/fake-host.ts';
import { chooseBuild } from './native.ts';
import { buildPredicates, nativeExec } from './task.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const executable = digestOf(text('program'));
const build = { os: 'linux', arch: 'x64', executable };
const ended = (more: Partial<SpawnResult> = {}): SpawnResult => ({
  exitCode: 0,
  signal: null,
  limit: null,
  outputs: {},
  cpuMs: 5,
  peakMemoryBytes: 1_000,
  ...more,
});

async function run(spec: object, result: SpawnResult, more: Parameters<typeof taskOf>[1] = {}, host = fakeHost({ spawn: () => result })) {
  const executor = await nativeExecutors.NATIVE_EXEC();
  return { host, result: await executor.execute(taskOf<unknown>({ builds: [build], ...spec }, more), host, never) };
}

describe('NATIVE_EXEC', () => {
  it('hands every argument over as it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: 'binary', maxLength: 50 }).filter((arg) => !arg.includes('\0')),
          { maxLength: 8 },
        ),
        async (args) => {
          const { host } = await run({ args }, ended());
          expect(host.spawned[0]?.args).toEqual(args);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('tells the host what to run: files, stdin, environment, folder, umask', async () => {
    const host = fakeHost({ spawn: () => ended({ outputs: { o: { digest: executable, sizeBytes: 1 } } }) });
    const inputs = [inputOf(host, 'a', 'in/a', text('A')), inputOf(host, 'i', '/dev/stdin', text('IN')), inputOf(host, 'named', null, text('N'))];
    const { result } = await run(
      { args: ['-x'], env: { K: 'v' }, workingDir: 'in', umask: 0o077 },
      ended(),
      { inputs, outputs: [outputOf('o', 'out/o')] },
      host,
    );
    const command = host.spawned[0];
    expect(command).toMatchObject({
      executable,
      args: ['-x'],
      workingDir: 'in',
      umask: 0o077,
      stdin: text('IN'),
      files: [{ path: 'in/a', digest: digestOf(text('A')) }],
    });
    expect(command?.env).toMatchObject({ K: 'v', UDCS_INDEX: '0', UDCS_ATTEMPT: '1' });
    expect(result).toEqual({ exitCode: 0, usage: { cpuMs: 5, peakMemoryBytes: 1_000 } });
  });

  it.each<[string, Partial<SpawnResult>, string, number | null, string | null]>([
    ['an exit code', { exitCode: 3 }, 'EXIT_CODE', 3, null],
    ['a signal', { exitCode: null, signal: 'SIGSEGV' }, 'CRASHED', null, 'SIGSEGV'],
    ['a limit', { exitCode: null, signal: 'SIGKILL', limit: { code: 'MEMORY_LIMIT', message: 'more than 64 MiB' } }, 'MEMORY_LIMIT', null, 'SIGKILL'],
    ['nothing', { exitCode: null }, 'CRASHED', null, null],
    ['a missing output', {}, 'OUTPUT_MISSING', null, null],
  ])('fails with the right code for %s', async (_, result, code, exitCode, signal) => {
    const failure = await failureOf(run({}, ended(result), { outputs: code === 'OUTPUT_MISSING' ? [outputOf('o', 'o')] : [] }));
    expect(failure.code).toBe(code);
    if (failure instanceof ProgramFailed) expect([failure.exitCode, failure.signal]).toEqual([exitCode, signal]);
  });

  it('takes the exit codes of the spec for success', async () => {
    expect((await run({ successExitCodes: [0, 3] }, ended({ exitCode: 3 }))).result.exitCode).toBe(3);
    expect((await failureOf(run({ successExitCodes: [1] }, ended()))).message).toContain('success is 1)');
    expect((await failureOf(run({ successExitCodes: [7, 0, 2, 1] }, ended({ exitCode: 9 })))).message).toContain('success is 0 to 2, 7)');
  });

  it('can not run in a worker that starts no programs', async () => {
    expect((await failureOf(run({}, ended(), {}, fakeHost()))).code).toBe('UNSUPPORTED');
    const executor = await nativeExecutors.NATIVE_EXEC();
    expect(await executor.selfCheck(fakeHost())).toContain('no way to start');
  });
});

describe('the choice of a build', () => {
  it('knows its vectors', () => {
    const vectors: {
      name: string;
      builds: { os: string; arch: string; libc?: 'glibc' | 'musl'; cpuFeatures?: string[] }[];
      attributes: Attributes;
      chosen: number | null;
    }[] = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'));
    expect(vectors.length).toBeGreaterThan(4);
    for (const { name, builds, attributes, chosen } of vectors) {
      const given = builds.map((one) => ({ ...one, executable }));
      if (chosen === null) expect(() => chooseBuild(given, attributes), name).toThrow('no build fits');
      else expect(chooseBuild(given, attributes), name).toBe(given[chosen]);
    }
  });

  it('asks workers for one predicate set per build', () => {
    const spec = parseSpec(nativeExec, { builds: [build, { ...build, arch: 'arm64', libc: 'musl', cpuFeatures: ['sve'] }] });
    expect(nativeExec.alternatives(spec)).toEqual(spec.builds.map(buildPredicates));
    expect(nativeExec.alternatives(spec)[1]?.map((predicate) => `${predicate.attr}${predicate.op}${String(predicate.value)}`)).toEqual([
      'os.name=linux',
      'arch=arm64',
      'libc=musl',
      'cpu.featurescontainssve',
    ]);
    expect(nativeExec.artifacts(spec)).toEqual([executable]);
  });
});

describe('the NATIVE_EXEC contract', () => {
  const job = normalizeJob({ type: 'NATIVE_EXEC', spec: {} });
  const checked = (spec: object): string | null => nativeExec.check(parseSpec(nativeExec, { builds: [build], ...spec }), job);

  it('says what does not fit together', () => {
    expect(checked({})).toBeNull();
    expect(checked({ builds: [build, build] })).toContain('two builds');
    expect(checked({ workingDir: '../up' })).toContain('relative path');
    expect(checked({ workingDir: '/etc' })).toContain('relative path');
    expect(checked({ env: { UDCS_X: '1' } })).toContain('UDCS_X');
  });

  it('refuses what the schema does not know', () => {
    expect(() => parseSpec(nativeExec, { builds: [] })).toThrow('spec.builds');
    expect(() => parseSpec(nativeExec, { builds: [{ ...build, shell: true }] })).toThrow('spec.builds.0');
    expect(() => parseSpec(nativeExec, { builds: [build], args: 'rm -rf' })).toThrow('spec.args');
  });
});
