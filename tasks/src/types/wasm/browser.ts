// WASM in a tab: the shared engine, on the task Worker's own thread.
import type { ExecutorModule } from '../../kit/executor.ts';
import { runWasm } from './engine/run.ts';
import { selfCheckWasm } from './engine/self-check.ts';
import type { WasmSpec } from './task.ts';

const executor: ExecutorModule<WasmSpec> = { execute: runWasm, selfCheck: selfCheckWasm };
export default executor;
