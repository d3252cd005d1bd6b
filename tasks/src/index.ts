// The registry of task type contracts: one line each. A type that is not here is refused at submit.
import { type TaskTypeName, UdcsError } from '@udcs/protocol';
import type { TaskType } from './kit/index.ts';
import { mock } from './types/mock/task.ts';
import { nativeExec } from './types/native-exec/task.ts';
import { wasm } from './types/wasm/task.ts';
import { wgslKernel } from './types/wgsl-kernel/task.ts';

export * from './kit/index.ts';
export type { MockSpec } from './types/mock/task.ts';
export type { NativeBuild, NativeExecSpec } from './types/native-exec/task.ts';
export { WASM_FEATURES, type WasmSpec } from './types/wasm/task.ts';
export type { Binding as WgslBinding, WgslKernelSpec } from './types/wgsl-kernel/schema.ts';

export const taskTypes: Readonly<Partial<Record<TaskTypeName, TaskType>>> = {
  WASM: wasm,
  WGSL_KERNEL: wgslKernel,
  NATIVE_EXEC: nativeExec,
  MOCK: mock,
};

/** @throws UdcsError NOT_YET for a type whose implementation has not landed */
export function taskTypeOf(name: TaskTypeName): TaskType {
  const found = taskTypes[name];
  if (found === undefined) {
    throw new UdcsError('NOT_YET', `task type ${name} has not landed yet`, { hint: `types that run today: ${Object.keys(taskTypes).join(', ')}` });
  }
  return found;
}
