// Entry of a throw-away process that touches graphics drivers: opens the WebGPU adapter of its environment, times a small
// kernel and prints one JSON line. If the driver crashes, only this dies.
import { writeSync } from 'node:fs';
import { openAdapter } from '../host/gpu.ts';
import type { GpuProbe } from './gpu.ts';

const LANES = 64 * 256;
const STEPS = 256;
const BENCH_MS = 200;

/** Independent chains of multiply-adds; the result is stored so that nothing is optimised away. */
const KERNEL = `
@group(0) @binding(0) var<storage, read_write> result: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  var a = f32(id.x); var b = 1.0; var c = 2.0; var d = 3.0;
  for (var step = 0u; step < ${STEPS}u; step++) { a = a * 0.999 + 0.5; b = b * 0.998 + 0.5; c = c * 0.997 + 0.5; d = d * 0.996 + 0.5; }
  result[id.x] = a + b + c + d;
}`;

async function speedOf(device: GPUDevice): Promise<number> {
  const buffer = device.createBuffer({ size: LANES * 4, usage: GPUBufferUsage.STORAGE });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module: device.createShaderModule({ code: KERNEL }), entryPoint: 'main' } });
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer } }] });
  const once = async (): Promise<void> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(LANES / 64);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  };
  await once();
  const startMs = performance.now();
  let rounds = 0;
  while (performance.now() - startMs < BENCH_MS) {
    await once();
    rounds += 1;
  }
  return (rounds * LANES * STEPS * 4) / 1e6 / ((performance.now() - startMs) / 1000);
}

async function probe(): Promise<GpuProbe | null> {
  const adapter = await openAdapter();
  if (adapter === null) return null;
  const { info } = adapter;
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value: unknown = Reflect.get(adapter.limits, name);
    if (typeof value === 'number') limits[name] = value;
  }
  const features = [...adapter.features].sort();
  const device = await adapter.requestDevice();
  return { vendor: info.vendor, architecture: info.architecture, description: info.description, features, limits, speedWgsl: await speedOf(device) };
}

const found = await probe();
writeSync(1, `${JSON.stringify(found)}\n`);
// The driver keeps the process alive otherwise.
process.exit(0);
