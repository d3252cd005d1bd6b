// WGSL_KERNEL in a tab: the shared engine on the device of the task Worker.
import type { ExecutorModule } from '../../kit/executor.ts';
import { runKernel } from './engine/run.ts';
import { selfCheckKernel } from './engine/self-check.ts';
import type { WgslKernelSpec } from './schema.ts';

const executor: ExecutorModule<WgslKernelSpec> = { execute: runKernel, selfCheck: selfCheckKernel };
export default executor;
