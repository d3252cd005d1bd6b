// The small known task every worker runs before it offers WASM: a hand-assembled module that adds two numbers, and the memory
// cap biting. No artifact is needed, so it works before the worker has joined.
import type { ExecutorTask, Host } from '../../../kit/executor.ts';
import { type WasmSpec, wasmSpecSchema } from '../task.ts';
import { runWasm } from './run.ts';

/** (module (memory 1) (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add) (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)) */
const MODULE = new Uint8Array([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 12, 2, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f, 3, 3, 2, 0, 1, 5, 3, 1, 0, 1, 7, 14, 2, 3, 0x61, 0x64, 0x64,
  0, 0, 4, 0x67, 0x72, 0x6f, 0x77, 0, 1, 10, 16, 2, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b, 6, 0, 0x20, 0, 0x40, 0, 0x0b,
]);

const NEVER_ABORTED = { aborted: false, addEventListener: (): void => undefined };
const DIGEST = `sha256:${'0'.repeat(64)}` as const;

export async function selfCheckWasm(host: Host): Promise<string | null> {
  const call = async (entryPoint: string, params: number[]): Promise<unknown> => {
    const task: ExecutorTask<WasmSpec> = {
      spec: wasmSpecSchema.parse({ module: DIGEST, entryPoint, params }),
      inputs: [],
      outputs: [],
      environment: {},
      index: 0,
      count: 1,
      limits: { cpus: 1, memoryBytes: 1024 * 1024, diskBytes: 0, executionMs: 1_000 },
      isolationMin: 'none',
    };
    return (
      await runWasm(task, { artifacts: { read: async () => MODULE }, outputs: host.outputs, log: (stream, bytes) => host.log(stream, bytes) }, NEVER_ABORTED)
    ).value;
  };
  try {
    if ((await call('add', [40, 2])) !== 42) return 'the WebAssembly engine adds wrongly';
    return (await call('grow', [100])) === -1 ? null : 'the memory cap does not hold in this WebAssembly engine';
  } catch (thrown) {
    return `WebAssembly does not work here: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
