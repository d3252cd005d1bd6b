// Executors that run in a native worker, each loaded when a task of its type first comes: one line per type.
import type { TaskTypeName } from '@udcs/protocol';
import { bindExecutor } from './kit/bind.ts';
import type { ExecutorModule } from './kit/executor.ts';
import { mock } from './types/mock/task.ts';
import { nativeExec } from './types/native-exec/task.ts';
import { wasm } from './types/wasm/task.ts';
import { wgslKernel } from './types/wgsl-kernel/task.ts';

/** `await nativeExecutors.WASM()` gives an executor that checks its spec itself. */
export const nativeExecutors = {
  WASM: async () => bindExecutor(wasm, (await import('./types/wasm/native.ts')).default),
  WGSL_KERNEL: async () => bindExecutor(wgslKernel, (await import('./types/wgsl-kernel/native.ts')).default),
  NATIVE_EXEC: async () => bindExecutor(nativeExec, (await import('./types/native-exec/native.ts')).default),
  MOCK: async () => bindExecutor(mock, (await import('./types/mock/native.ts')).default),
} as const satisfies Partial<Record<TaskTypeName, () => Promise<ExecutorModule<unknown>>>>;

export type NativeTaskType = keyof typeof nativeExecutors;
export const isNativeTaskType = (type: string): type is NativeTaskType => Object.hasOwn(nativeExecutors, type);
