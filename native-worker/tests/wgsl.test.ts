// WGSL_KERNEL in executor children, on whatever adapter this machine has; a software adapter is said to be one.
import type { Job } from '@udcs/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findGpu } from '../src/detect/gpu.ts';
import { type Stage, stage, tempDir, textOf } from './harness.ts';

const gpu = await findGpu(tempDir());
if ('none' in gpu) process.stderr.write(`skipped: WGSL in a native worker (${gpu.none})\n`);

const kernel = (body: string): string => `
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { ${body} }`;

describe.skipIf('none' in gpu)('WGSL_KERNEL in executor children', () => {
  let on: Stage;
  beforeAll(async () => {
    on = await stage({ deny: ['NATIVE_EXEC', 'WASM'] });
  });
  afterAll(() => on.end());

  const job = (body: string, more: Partial<Job> = {}): Job => ({
    type: 'WGSL_KERNEL',
    spec: { code: kernel(body), workgroups: [4, 1, 1], bindings: [{ group: 0, binding: 0, kind: 'storage', dtype: 'u32', shape: [256], output: 'result' }] },
    outputs: [{ name: 'result' }],
    timeouts: { executionMs: 20_000 },
    ...more,
  });

  test('the hello tells vendor, limits, speed, and whether it is software', () => {
    const { capabilities } = on.coordinator.hellos[0] ?? expect.fail('no hello');
    expect(capabilities.types).toContain('WGSL_KERNEL');
    expect(capabilities.attributes).toMatchObject({ webgpu: true, 'webgpu.software': expect.any(Boolean), 'speed.wgsl': expect.any(Number) });
    expect(capabilities.attributes['webgpu.limits.maxComputeWorkgroupSizeX']).toBeGreaterThanOrEqual(64);
    const [device] = capabilities.devices;
    expect(device?.provenance).toBe(capabilities.attributes['webgpu.software'] === true ? 'software' : 'measured');
    expect(device?.kind).toBe(capabilities.attributes['webgpu.software'] === true ? 'cpu' : 'gpu');
  });

  test('a kernel computes what it says', async () => {
    const end = await on.coordinator.endOf(on.coordinator.assign(job('result[id.x] = id.x * id.x + 1u;'))[0]);
    if (end.kind !== 'succeeded') expect.fail(JSON.stringify(end));
    const bytes = Buffer.from(end.report.outputs['result']?.inline ?? '', 'base64');
    expect([...new Uint32Array(bytes.buffer, bytes.byteOffset, 256)]).toEqual(Array.from({ length: 256 }, (_, at) => at * at + 1));
    expect(end.report.usage.versions['adapter']).not.toBe('');
    expect(textOf(end.report.log)).toBe('');
  });

  test('a shader that does not compile says where', async () => {
    expect(await on.coordinator.endOf(on.coordinator.assign(job('result[id.x] = nothing;'))[0])).toMatchObject({
      kind: 'failed',
      report: { code: 'KERNEL_COMPILE', message: expect.stringMatching(/nothing|\d+:\d+/) },
    });
  });

  test('an endless loop is ended by name, and the next kernel runs', async () => {
    const end = await on.coordinator.endOf(on.coordinator.assign(job('var n = 0u; loop { n = n + 1u; result[id.x] = n; }'))[0], 40_000);
    expect(end).toMatchObject({ kind: 'failed', report: { code: expect.stringMatching(/^(LOOP_BUDGET|KERNEL_INVALID|KERNEL_COMPILE|TIMEOUT)$/) } });
    expect((await on.coordinator.endOf(on.coordinator.assign(job('result[id.x] = 1u;'))[0])).kind).toBe('succeeded');
  });
});
