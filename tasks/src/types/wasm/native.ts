// WASM natively: the shared engine, in a child process that the host can end.
import type { ExecutorModule } from '../../kit/executor.ts';
import { runWasm } from './engine/run.ts';
import { selfCheckWasm } from './engine/self-check.ts';
import type { WasmSpec } from './task.ts';

const executor: ExecutorModule<WasmSpec> = { execute: runWasm, selfCheck: selfCheckWasm };
export default executor;
