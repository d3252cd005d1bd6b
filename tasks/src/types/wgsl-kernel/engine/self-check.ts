// The small known task every worker runs before it offers WGSL_KERNEL: doubles 256 numbers in workgroups that meet at a
// barrier, and proves that an endless loop is stopped by its budget.
import { UdcsError } from '@udcs/protocol';
import type { ExecutorTask, Host } from '../../../kit/executor.ts';
import { type WgslKernelSpec, wgslKernelSpecSchema } from '../schema.ts';
import { runKernel } from './run.ts';

const DOUBLE = `
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> b: array<u32>;
var<workgroup> shared_values: array<u32, 64>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32) {
  for (var step = 0u; step < 2u; step++) {
    shared_values[at] = a[id.x];
    workgroupBarrier();
    b[id.x] = 2u * shared_values[at];
    workgroupBarrier();
  }
}`;

const ENDLESS = `
@group(0) @binding(0) var<storage, read_write> b: array<u32>;
@compute @workgroup_size(1) fn main() { while (b[0] < 1u) { b[1] += 1u; } }`;

const NEVER_ABORTED = { aborted: false, addEventListener: (): void => undefined };

function taskOf(spec: unknown): ExecutorTask<WgslKernelSpec> {
  const limits = { cpus: 1, memoryBytes: 1024 * 1024, diskBytes: 0, executionMs: 10_000 };
  return {
    spec: wgslKernelSpecSchema.parse(spec),
    inputs: [],
    outputs: [{ name: 'b', path: 'b', maxBytes: 1024 }],
    environment: {},
    index: 0,
    count: 1,
    limits,
    isolationMin: 'none',
  };
}

/** Returns null, or why WGSL_KERNEL can not be offered here. */
export async function selfCheckKernel(host: Host): Promise<string | null> {
  let result = new Uint8Array();
  const checked = {
    artifacts: host.artifacts,
    outputs: {
      async put(_name: string, bytes: Uint8Array) {
        result = new Uint8Array(bytes);
        return { digest: `sha256:${'0'.repeat(64)}` as const, sizeBytes: bytes.length };
      },
    },
    gpu: (wishes: Parameters<Host['gpu']>[0]) => host.gpu(wishes),
    progress: (): void => undefined,
    nowMs: () => host.nowMs(),
    sleep: (ms: number) => host.sleep(ms),
  };
  const values = Array.from({ length: 256 }, (_, index) => index * 3);
  const b = { group: 0, kind: 'storage', dtype: 'u32', output: 'b' };
  try {
    await runKernel(
      taskOf({
        code: DOUBLE,
        workgroups: [4, 1, 1],
        bindings: [
          { group: 0, binding: 0, kind: 'read-storage', dtype: 'u32', values },
          { ...b, binding: 1, shape: [256] },
        ],
      }),
      checked,
      NEVER_ABORTED,
    );
    const doubled = new Uint32Array(result.buffer);
    if (doubled.length !== values.length || values.some((value, index) => doubled[index] !== 2 * value)) return 'the GPU computes wrong results';
    await runKernel(
      taskOf({ code: ENDLESS, workgroups: [1, 1, 1], maxLoopIterations: 1_000, bindings: [{ ...b, binding: 0, shape: [2] }] }),
      checked,
      NEVER_ABORTED,
    );
    return 'an endless loop in a shader was not stopped';
  } catch (thrown) {
    if (thrown instanceof UdcsError && thrown.code === 'LOOP_BUDGET') return null;
    return `WebGPU does not work here: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
