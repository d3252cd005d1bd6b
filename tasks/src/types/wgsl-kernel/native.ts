// WGSL_KERNEL natively: the shared engine on a Dawn device (npm webgpu) that the host keeps.
import type { ExecutorModule } from '../../kit/executor.ts';
import { runKernel } from './engine/run.ts';
import { selfCheckKernel } from './engine/self-check.ts';
import type { WgslKernelSpec } from './schema.ts';

const executor: ExecutorModule<WgslKernelSpec> = { execute: runKernel, selfCheck: selfCheckKernel };
export default executor;
