// The executors of the registry, each loaded once.
import { type TaskTypeName, UdcsError } from '@udcs/protocol';
import type { ExecutorModule } from '@udcs/tasks';
import { isNativeTaskType, nativeExecutors } from '@udcs/tasks/native';

const loaded = new Map<TaskTypeName, Promise<ExecutorModule<unknown>>>();

/** @throws UdcsError UNSUPPORTED for a type without a native executor */
export function loadExecutor(type: TaskTypeName): Promise<ExecutorModule<unknown>> {
  const known = loaded.get(type);
  if (known !== undefined) return known;
  if (!isNativeTaskType(type)) return Promise.reject(new UdcsError('UNSUPPORTED', `a native worker has no executor for ${type}`));
  const loading = nativeExecutors[type]();
  loaded.set(type, loading);
  return loading;
}
