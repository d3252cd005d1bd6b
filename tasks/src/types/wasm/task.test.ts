// WASM runs the checked-in fixtures through the real engine on V8, as tab and native worker do.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type JobSpec, normalizeJob } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { browserExecutors } from '../../browser.ts';
import { ProgramFailed, parseSpec } from '../../kit/index.ts';
import { nativeExecutors } from '../../native.ts';
import { digestOf, failureOf, fakeHost, inputOf, never, outputOf, taskOf } from '../../testing/fake-host.ts';
import { wasm } from './task.ts';

const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../../../tests/fixtures/wasm/${name}.wasm`, import.meta.url)));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const MiB = 1024 * 1024;

async function run(side: 'browser' | 'native', name: string, spec: object, more: Parameters<typeof taskOf>[1] = {}, host = fakeHost()) {
  const executor = side === 'browser' ? await browserExecutors.WASM() : await nativeExecutors.WASM();
  const result = await executor.execute(taskOf<unknown>({ module: host.add(fixture(name)), ...spec }, more), host, never);
  return { result, host };
}

describe.each(['browser', 'native'] as const)('WASM in %s.ts', (side) => {
  it('gives arguments as they are, non-ASCII, empty and with newlines', async () => {
    const args = ['plain', 'two words', 'Zürich ✓ 🌍', '', '"quoted"', 'line\nbreak'];
    const { result, host } = await run(side, 'echo-args', { args, env: { X_A: 'ä' } }, { outputs: [outputOf('out', '/dev/stdout')] });
    expect(result.exitCode).toBe(0);
    expect(host.textOf('out')).toBe(`${args.join('\n')}\nX_A=ä\nUDCS_JOB=job_test\nUDCS_TASK=job_test.0\nUDCS_INDEX=0\nUDCS_COUNT=1\nUDCS_ATTEMPT=1\n`);
  });

  it('reads stdin from the spec and from an input, and counts as wc does', async () => {
    const short = await run(side, 'wc', { stdin: 'one two\nthree\n' });
    expect(short.host.logText('stdout')).toBe('      2       3      14\n');
    const host = fakeHost();
    const long = 'lorem ipsum\n'.repeat(50_000);
    await run(side, 'wc', {}, { inputs: [inputOf(host, 'in', '/dev/stdin', text(long))] }, host);
    expect(host.logText('stdout')).toBe('  50000  100000  600000\n');
  });

  it.each([
    ['relative', 'in/a.txt', 'out/deep/b.txt'],
    ['absolute', '/in/a.txt', '/out/deep/b.txt'],
  ])('turns inputs into files and files into outputs by %s paths', async (_, from, to) => {
    const host = fakeHost();
    const more = {
      inputs: [inputOf(host, 'a', 'in/a.txt', text('hello')), inputOf(host, 'b', 'in/z.txt', text('x'))],
      outputs: [outputOf('b', 'out/deep/b.txt'), outputOf('list', '/dev/stdout')],
    };
    await run(side, 'files', { args: [from, to] }, more, host);
    expect(host.textOf('b')).toBe('HELLO5 bytes\n');
    expect(host.textOf('list')).toBe('a.txt\nz.txt\n');
  });

  it('passes its own check', async () => {
    const executor = side === 'browser' ? await browserExecutors.WASM() : await nativeExecutors.WASM();
    expect(await executor.selfCheck(fakeHost())).toBeNull();
  });

  it('calls exported functions with i32, i64 and f64', async () => {
    expect((await run(side, 'sum', { entryPoint: 'sum_to', params: ['100'] })).result.value).toBe(5050);
    expect((await run(side, 'sum', { entryPoint: 'fibonacci', params: ['90n'] })).result.value).toBe('2880067194370816120n');
    expect((await run(side, 'sum', { entryPoint: 'divide', params: [1, 3] })).result.value).toBe(1 / 3);
    expect((await run(side, 'sum', { entryPoint: 'divide', params: [1, 0] })).result.value).toBe('Infinity');
  });
});

describe('a WASM task that goes wrong', () => {
  const failing = async (name: string, spec: object, more: Parameters<typeof taskOf>[1] = {}) => failureOf(run('native', name, spec, more));

  it('carries the exit code', async () => {
    const failure = await failing('wc', { args: ['missing.txt'] });
    expect(failure.code).toBe('EXIT_CODE');
    expect(failure instanceof ProgramFailed && failure.exitCode).toBe(1);
  });

  it('keeps the outputs of a program whose exit code counts as success', async () => {
    const { result, host } = await run('native', 'wc', { args: ['missing.txt'], successExitCodes: [0, 1] }, { outputs: [outputOf('err', '/dev/stderr')] });
    expect(result.exitCode).toBe(1);
    expect(host.textOf('err')).toContain('missing.txt');
  });

  it.each([
    ['divide', 'divide by zero'],
    ['unreachable', 'unreachable'],
    ['bounds', 'memory access out of bounds'],
    ['stack', 'memory access out of bounds'],
  ])('names the trap %s', async (how, words) => {
    const failure = await failing('trap', { args: [how] });
    expect(failure.code).toBe('CRASHED');
    expect(failure.message).toContain(words);
  });

  it('lets memory.grow fail inside the guest at the cap, and names the limit', async () => {
    const host = fakeHost();
    const failure = await failureOf(run('native', 'hog', { memory: { maxBytes: 16 * MiB } }, {}, host));
    expect(failure.code).toBe('MEMORY_LIMIT');
    expect(Number(/after (\d+) MiB/.exec(host.logText('stdout'))?.[1])).toBeGreaterThan(10);
    expect(Number(/after (\d+) MiB/.exec(host.logText('stdout'))?.[1])).toBeLessThan(16);
  });

  it('refuses a module that starts with more memory than it may have', async () => {
    const failure = await failing('wc', {}, { limits: { cpus: 1, memoryBytes: 65_536, diskBytes: 0, executionMs: 1 } });
    expect(failure.code).toBe('MEMORY_LIMIT');
  });

  it('stops a flood on a kept stream at maxBytes and on an unkept one at 64 MiB', async () => {
    const kept = await failing('flood', {}, { outputs: [outputOf('out', '/dev/stdout', 100_000)] });
    expect(kept.code).toBe('OUTPUT_LIMIT');
    expect(kept.message).toContain('100000 bytes');
    const host = { ...fakeHost(), log: () => undefined };
    expect((await failureOf(run('native', 'flood', {}, {}, host))).code).toBe('OUTPUT_LIMIT');
  });

  it('says ENOSPC to the guest when its files reach the disk limit', async () => {
    const host = fakeHost();
    const inputs = [inputOf(host, 'a', 'a', new Uint8Array(200_000).fill(97))];
    const limits = { cpus: 1, memoryBytes: 64 * MiB, diskBytes: 100_000, executionMs: 1_000 };
    const failure = await failureOf(run('native', 'files', { args: ['a', 'b'] }, { inputs, limits }, host));
    expect(failure.code).toBe('DISK_LIMIT');
    expect(host.logText('stderr')).toContain('No space left');
  });

  it('names the output that is missing, and the one that is too large', async () => {
    expect((await failing('wc', {}, { outputs: [outputOf('x', 'never/made')] })).message).toContain('"never/made"');
    const host = fakeHost();
    const more = { inputs: [inputOf(host, 'a', 'a', text('hello'))], outputs: [outputOf('b', 'b', 3)] };
    expect((await failureOf(run('native', 'files', { args: ['a', 'b'] }, more, host))).code).toBe('OUTPUT_LIMIT');
  });

  it('says which parameters a function takes', async () => {
    expect((await failing('sum', { entryPoint: 'sum_to', params: [] })).message).toContain('takes 1 parameters');
    expect((await failing('sum', { entryPoint: 'fibonacci', params: [5] })).hint).toContain('42n');
    expect((await failing('sum', { entryPoint: 'nothing' })).hint).toContain('sum_to');
  });
});

describe('determinism', () => {
  it('gives the same digest of clock, sleep, randomness and inodes on every run, and other numbers to another index', async () => {
    const once = async (index: number, seed = 0) => {
      const host = fakeHost();
      await run('native', 'clock', { seed }, { index, outputs: [outputOf('out', '/dev/stdout')] }, host);
      return host.textOf('out');
    };
    const first = await once(0);
    expect(await once(0)).toBe(first);
    expect(first).toMatch(/^[0-9a-f]{32}\n946684801 1 inode 2\n$/);
    expect(await once(1)).not.toBe(first);
    expect(await once(0, 7)).not.toBe(first);
  });
});

describe('the gzip fixture', () => {
  const compress = async (bytes: Uint8Array) => {
    const host = fakeHost();
    await run('browser', 'gzip', {}, { inputs: [inputOf(host, 'in', '/dev/stdin', bytes)], outputs: [outputOf('out', '/dev/stdout')] }, host);
    return host;
  };

  it('makes one gzip member that others unpack to the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 5_000 }),
          fc.string({ maxLength: 2_000 }).map((word) => text(word.repeat(40))),
        ),
        async (bytes) => {
          const packed = (await compress(bytes)).stored.get('out') ?? new Uint8Array();
          expect(digestOf(gunzipSync(packed))).toBe(digestOf(bytes));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('packs source text to less than half, with no timestamp in the header, and keeps binary out of the log', async () => {
    const source = new Uint8Array(readFileSync(new URL('../../../../node_modules/typescript/lib/lib.dom.d.ts', import.meta.url)));
    const host = await compress(source);
    const packed = host.stored.get('out') ?? new Uint8Array();
    expect(packed.length).toBeLessThan(source.length / 3);
    expect([...packed.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
    expect(host.logText('stdout')).toBe('');
    expect(host.logText('udcs')).toContain('binary');
  });
});

describe('the WASM contract', () => {
  const job = (spec: object, more: object = {}): JobSpec => normalizeJob({ type: 'WASM', spec: { ...spec }, ...more });
  const checked = (spec: object, more: object = {}) => wasm.check(parseSpec(wasm, { module: digestOf(text('m')), ...spec }), job(spec, more));

  it('refuses what does not fit together, in words', () => {
    expect(checked({})).toBeNull();
    expect(checked({ env: { UDCS_JOB: 'x' } })).toContain('UDCS_JOB');
    expect(checked({ params: [1] })).toContain('exported function');
    expect(checked({ entryPoint: 'f', args: ['x'] })).toContain('params');
    expect(checked({ entryPoint: 'f' }, { outputs: [{ name: 'x' }] })).toContain('value');
    expect(checked({ features: ['relaxed-simd'] })).toContain('deterministic');
  });

  it('refuses unknown keys and wrong types by name', () => {
    expect(() => parseSpec(wasm, { module: 'sha256:abc' })).toThrow('spec.module');
    expect(() => parseSpec(wasm, { module: digestOf(text('m')), fuel: 1 })).toThrow('unknown key fuel');
    expect(() => parseSpec(wasm, { module: digestOf(text('m')), seed: -1 })).toThrow('spec.seed: must be at least 0');
    expect(() => parseSpec(wasm, {})).toThrow('spec.module: must be');
    expect(() => parseSpec(wasm, { module: digestOf(text('m')), args: ['a\0b'] })).toThrow('spec.args.0');
  });

  it('knows its vectors', async () => {
    const vectors: { module: string; spec: object; stdin?: string; stdout: string }[] = JSON.parse(
      readFileSync(new URL('vectors.json', import.meta.url), 'utf8'),
    );
    expect(vectors.length).toBeGreaterThan(3);
    for (const vector of vectors) {
      const { host, result } = await run('native', vector.module, vector.spec, {
        outputs: 'entryPoint' in vector.spec ? [] : [outputOf('out', '/dev/stdout')],
      });
      expect('entryPoint' in vector.spec ? JSON.stringify(result.value) : host.textOf('out'), JSON.stringify(vector)).toBe(vector.stdout);
    }
  });
});
