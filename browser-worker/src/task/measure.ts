// The micro-benchmarks of a first join (DESIGN §7): integer work in WASM and multiply-adds in WGSL, each bounded to a fraction
// of a second. They tell fast tabs from slow ones within a factor of two; they are no benchmark of anybody's GPU.
import type { Gpu } from '../host/gpu.ts';

/** (func (export "f") (param i32) (result i32)) with a loop of 4 integer operations per turn: add, multiply, xor, count down. */
const LOOP_MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x03, 0x02, 0x01, 0x00, 0x07, 0x05, 0x01, 0x01, 0x66, 0x00,
  0x00, 0x0a, 0x25, 0x01, 0x23, 0x01, 0x01, 0x7f, 0x03, 0x40, 0x20, 0x01, 0x20, 0x00, 0x6a, 0x41, 0xb5, 0xf3, 0xf1, 0xb5, 0x05, 0x6c, 0x20, 0x00, 0x73, 0x21,
  0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x01, 0x0b,
]);
const OPERATIONS_PER_TURN = 4;
const WASM_BUDGET_MS = 150;

/** Million integer operations per second. */
export function measureWasm(): number {
  const turn = new WebAssembly.Instance(new WebAssembly.Module(LOOP_MODULE)).exports['f'] as (turns: number) => number;
  const turns = 1_000_000;
  turn(turns);
  const startedAtMs = performance.now();
  let done = 0;
  while (performance.now() - startedAtMs < WASM_BUDGET_MS) {
    turn(turns);
    done += turns;
  }
  return Math.round((done * OPERATIONS_PER_TURN) / 1_000 / (performance.now() - startedAtMs));
}

const FMA_PER_INVOCATION = 256;
const GROUPS = 256;
const GROUP_SIZE = 64;
const WGSL = `
@group(0) @binding(0) var<storage, read_write> data: array<f32>;
@compute @workgroup_size(${GROUP_SIZE}) fn main(@builtin(global_invocation_id) id: vec3u) {
  var value = data[id.x];
  for (var turn = 0u; turn < ${FMA_PER_INVOCATION}u; turn++) { value = fma(value, 0.999f, 0.5f); }
  data[id.x] = value;
}`;
const WGSL_BUDGET_MS = 400;

/** Million f32 multiply-adds per second, or null without a device. */
export async function measureWgsl(gpu: Gpu): Promise<number | null> {
  const opened = await gpu.open({ features: [], limits: {} });
  if (opened === null) return null;
  const device = opened.device as GPUDevice;
  const buffer = device.createBuffer({ size: GROUPS * GROUP_SIZE * 4, usage: GPUBufferUsage.STORAGE });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module: device.createShaderModule({ code: WGSL }) } });
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer } }] });
  const dispatch = async (): Promise<void> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(GROUPS);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  };
  await dispatch();
  const startedAtMs = performance.now();
  let done = 0;
  while (performance.now() - startedAtMs < WGSL_BUDGET_MS) {
    await dispatch();
    done++;
  }
  buffer.destroy();
  return Math.round((done * GROUPS * GROUP_SIZE * FMA_PER_INVOCATION) / 1_000 / (performance.now() - startedAtMs));
}
