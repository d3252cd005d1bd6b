// WGSL_KERNEL on a real device where there is one (SwiftShader counts), through the executor that hosts load.
import { readFileSync } from 'node:fs';
import { normalizeJob } from '@udcs/protocol';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { taskTypes } from '../../index.ts';
import { parseSpec } from '../../kit/index.ts';
import { nativeExecutors } from '../../native.ts';
import { failureOf, fakeHost, inputOf, never, outputOf, taskOf } from '../../testing/fake-host.ts';
import { nodeGpu, skipWithout } from '../../testing/node-gpu.ts';
import { wgslKernel } from './task.ts';

const gpu = await nodeGpu();
const run = async (spec: object, more: Parameters<typeof taskOf>[1] = {}, host = fakeHost(gpu === null ? {} : { gpu: gpu.gpu })) => {
  const executor = await nativeExecutors.WGSL_KERNEL();
  const result = await executor.execute(taskOf<unknown>(spec, { outputs: [outputOf('out', 'out')], ...more }), host, never);
  return { result, host };
};
const floats = (bytes: Uint8Array | undefined): number[] => [...new Float32Array(bytes?.slice().buffer ?? new ArrayBuffer(0))];
const words = (bytes: Uint8Array | undefined): number[] => [...new Uint32Array(bytes?.slice().buffer ?? new ArrayBuffer(0))];

const STORE_INDEX = `
struct Params { first: u32, width: u32, index: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(4, 4) fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) at: vec3u) {
  let x = group.x * 4u + at.x;
  let y = (group.y + params.first) * 4u + at.y;
  out[y * params.width + x] = (y * 1000u + x) * (params.index + 1u);
}`;

const storeIndex = (rows: number, more: object = {}) => ({
  code: STORE_INDEX,
  workgroups: [3, rows, 1],
  split: { axis: 'y', offset: 'first' },
  bindings: [
    {
      group: 0,
      binding: 0,
      kind: 'uniform',
      fields: [
        { name: 'first', type: 'u32' },
        { name: 'width', type: 'u32', value: '12' },
        { name: 'UDCS_INDEX', type: 'u32' },
      ],
    },
    { group: 0, binding: 1, kind: 'storage', dtype: 'u32', shape: [rows * 4, 12], output: 'out' },
  ],
  ...more,
});

describe('WGSL_KERNEL on a device', () => {
  beforeEach(skipWithout(gpu));
  afterAll(() => Reflect.deleteProperty(globalThis, 'udcsTestGpu'));

  it('passes its own check', async () => {
    const executor = await nativeExecutors.WGSL_KERNEL();
    expect(await executor.selfCheck(fakeHost(gpu === null ? {} : { gpu: gpu.gpu }))).toBeNull();
  });

  it('reads inputs and values, writes outputs as raw little-endian bytes', async () => {
    const host = fakeHost(gpu === null ? {} : { gpu: gpu.gpu });
    const input = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
    const spec = {
      code: `@group(0) @binding(0) var<storage, read> a: array<f32>; @group(0) @binding(3) var<storage, read> b: array<f32>; @group(1) @binding(0) var<storage, read_write> o: array<f32>;
        override scale: f32 = 1.0; override on: bool = false;
        @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) { o[id.x] = select(0.0, scale * (a[id.x] + b[id.x]), on); }`,
      workgroups: [4, 1, 1],
      overrides: { scale: '2.5', on: true },
      bindings: [
        { group: 0, binding: 0, kind: 'read-storage', input: 'a' },
        { group: 0, binding: 3, kind: 'read-storage', values: ['10', 20, 30, 40], shape: [2, 2] },
        { group: 1, binding: 0, kind: 'storage', shape: [4], output: 'out' },
      ],
    };
    const { result } = await run(spec, { inputs: [inputOf(host, 'a', null, input)] }, host);
    expect(floats(host.stored.get('out'))).toEqual([27.5, 55, 82.5, 110]);
    expect(result.usage?.gpuMs).toBeGreaterThan(0);
  });

  it('gives the same bytes whole and cut into pieces along the split axis, and reports progress', async () => {
    const rows = 37;
    const whole = await run(storeIndex(rows, { maxDispatchMs: 10_000 }), { index: 4, count: 9 });
    const cut = await run(storeIndex(rows, { maxDispatchMs: 1 }), { index: 4, count: 9 });
    const expected = Array.from({ length: rows * 4 * 12 }, (_, at) => (Math.floor(at / 12) * 1000 + (at % 12)) * 5);
    expect(words(whole.host.stored.get('out'))).toEqual(expected);
    expect(words(cut.host.stored.get('out'))).toEqual(expected);
    expect(cut.host.steps.length).toBeGreaterThan(1);
    expect(cut.host.steps.at(-1)).toBe(1);
  });

  it('cuts by an override as well', async () => {
    const code = `override first: u32 = 0u; @group(0) @binding(0) var<storage, read_write> out: array<u32>;
      @compute @workgroup_size(1) fn main(@builtin(workgroup_id) group: vec3u) { out[first + group.x] = first + group.x + 7u; }`;
    const bindings = [{ group: 0, binding: 0, kind: 'storage', dtype: 'u32', shape: [9], output: 'out' }];
    const { host } = await run({ code, workgroups: [9, 1, 1], split: { axis: 'x', offset: 'first' }, bindings });
    expect(words(host.stored.get('out'))).toEqual([7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it('runs passes in order over the same buffers', async () => {
    const code = `@group(0) @binding(0) var<storage, read_write> out: array<u32>;
      @compute @workgroup_size(1) fn add(@builtin(global_invocation_id) id: vec3u) { out[id.x] += id.x + 1u; }
      @compute @workgroup_size(1) fn double(@builtin(global_invocation_id) id: vec3u) { out[id.x] *= 2u; }`;
    const bindings = [{ group: 0, binding: 0, kind: 'storage', dtype: 'u32', shape: [3], output: 'out' }];
    const passes = [
      { entryPoint: 'add', workgroups: [3, 1, 1] },
      { entryPoint: 'double', workgroups: [3, 1, 1] },
      { entryPoint: 'add', workgroups: [2, 1, 1] },
    ];
    const { host } = await run({ code, passes, bindings });
    expect(words(host.stored.get('out'))).toEqual([3, 6, 6]);
  });

  it('knows its vectors', async () => {
    const vectors: { name: string; spec: object; expected: number[] }[] = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'));
    for (const vector of vectors) {
      const { host } = await run(vector.spec);
      const actual = floats(host.stored.get('out'));
      expect(actual.length, vector.name).toBe(vector.expected.length);
      for (const [index, value] of vector.expected.entries()) expect(actual[index], `${vector.name}[${index}]`).toBeCloseTo(value, 4);
    }
  });

  it('says line and column of the user for compile errors, also behind injected text', async () => {
    const code =
      '@group(0) @binding(0) var<storage, read_write> o: array<u32>;\n@compute @workgroup_size(1) fn main() {\n  for (var i = 0u; i < 3u; i++) { o[i] = nothing; }\n}';
    const bindings = [{ group: 0, binding: 0, kind: 'storage', dtype: 'u32', shape: [3], output: 'out' }];
    const failure = await failureOf(run({ code, workgroups: [1, 1, 1], bindings }));
    expect(failure.code).toBe('KERNEL_COMPILE');
    expect(failure.message).toMatch(/^3:42: /);
  });

  it('says in words what is wrong with bindings and launches', async () => {
    const code = '@group(0) @binding(0) var<storage, read_write> o: array<u32>;\n@compute @workgroup_size(1) fn main() { o[0] = 1u; }';
    const storage = { group: 0, binding: 0, kind: 'storage', dtype: 'u32', shape: [3], output: 'out' };
    expect((await failureOf(run({ code, workgroups: [1, 1, 1], bindings: [{ ...storage, binding: 5 }] }))).code).toBe('KERNEL_INVALID');
    expect((await failureOf(run({ code, workgroups: [1, 1, 1], entryPoint: 'other', bindings: [storage] }))).message).toContain('it has: main');
    expect((await failureOf(run({ code, workgroups: [2000, 2000, 1], bindings: [storage] }))).hint).toContain('split');
    expect((await failureOf(run({ code: code.replace('workgroup_size(1)', 'workgroup_size(1024)'), workgroups: [1, 1, 1], bindings: [storage] }))).code).toBe(
      'KERNEL_INVALID',
    );
  });

  it('blames a lost device on the worker, and works on the next device', async () => {
    const host = fakeHost({
      gpu: async (wishes) => {
        const given = (await gpu?.gpu(wishes)) ?? null;
        gpu?.lose();
        return given;
      },
    });
    expect((await failureOf(run(storeIndex(2), {}, host))).code).toBe('DEVICE_LOST');
    expect(words((await run(storeIndex(2))).host.stored.get('out')).length).toBe(96);
  });

  it('refuses work where there is no device', async () => {
    expect((await failureOf(run(storeIndex(2), {}, fakeHost()))).code).toBe('UNSUPPORTED');
  });

  it('hears a cancel between pieces', async () => {
    const executor = await nativeExecutors.WGSL_KERNEL();
    const host = fakeHost(gpu === null ? {} : { gpu: gpu.gpu });
    const signal = { aborted: false, addEventListener: (): void => undefined };
    const running = executor.execute(
      taskOf<unknown>(storeIndex(400, { maxDispatchMs: 1 }), { outputs: [outputOf('out', 'out')] }),
      { ...host, progress: () => Object.assign(signal, { aborted: true }) },
      signal,
    );
    expect((await failureOf(running)).code).toBe('CANCELED');
  });
});

describe('the WGSL_KERNEL contract', () => {
  const job = normalizeJob({ type: 'WGSL_KERNEL', spec: {}, inputs: [{ name: 'a', source: { inline: '' } }], outputs: [{ name: 'out' }] });
  const out = { group: 0, binding: 0, kind: 'storage', shape: [4], output: 'out' };
  const checked = (spec: object): string | null => wgslKernel.check(parseSpec(wgslKernel, { code: 'x', workgroups: [1, 1, 1], bindings: [out], ...spec }), job);

  it('lets through what fits together', () => {
    expect(checked({})).toBeNull();
    expect(wgslKernel.check(parseSpec(wgslKernel, storeIndex(3)), job)).toBeNull();
  });

  it.each<[string, object]>([
    ['either workgroups or passes', { passes: [{ workgroups: [1, 1, 1] }] }],
    ['no input "b"', { bindings: [out, { group: 0, binding: 1, kind: 'read-storage', input: 'b' }] }],
    ['given twice', { bindings: [out, { ...out, output: undefined }] }],
    ['no binding writes the output "out"', { bindings: [{ ...out, output: undefined }] }],
    ['only a storage buffer', { bindings: [{ ...out, kind: 'read-storage', values: [1, 2, 3, 4] }] }],
    ['shape is missing', { bindings: [{ ...out, shape: undefined }] }],
    ['shape says 4 elements, values has 2', { bindings: [{ ...out, values: [1, 2] }] }],
    ['only one of input, values and fields', { bindings: [{ ...out, values: [1, 2, 3, 4], input: 'a' }] }],
    ['vec3f takes 3 numbers, 2 given', { bindings: [out, { group: 0, binding: 1, kind: 'uniform', fields: [{ name: 'v', type: 'vec3f', value: [1, 2] }] }] }],
    ['the system fills it in', { bindings: [out, { group: 0, binding: 1, kind: 'uniform', fields: [{ name: 'UDCS_COUNT', type: 'u32', value: 3 }] }] }],
    ['must name exactly one', { split: { axis: 'x', offset: 'nowhere' } }],
    ['add split', { workgroups: [70_000, 1, 1] }],
  ])('says %s', (sentence, spec) => {
    expect(checked(spec)).toContain(sentence);
  });

  it('knows its wishes from a spec without defaults, as it is stored', () => {
    const stored = { code: 'x', workgroups: [1, 1, 1], bindings: [out] };
    expect(taskTypes.WGSL_KERNEL?.alternatives(stored)).toEqual([[{ attr: 'webgpu', op: '=', value: true }]]);
  });

  it('asks workers for WebGPU, features and limits', () => {
    const spec = parseSpec(wgslKernel, {
      code: 'x',
      workgroups: [1, 1, 1],
      bindings: [out],
      requiredFeatures: ['shader-f16'],
      requiredLimits: { maxBufferSize: 5 },
    });
    expect(wgslKernel.alternatives(spec)).toEqual([
      [
        { attr: 'webgpu', op: '=', value: true },
        { attr: 'webgpu.features', op: 'contains', value: ['shader-f16'] },
        { attr: 'webgpu.limits.maxBufferSize', op: '>=', value: 5 },
      ],
    ]);
  });
});
