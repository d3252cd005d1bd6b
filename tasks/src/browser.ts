// Executors that run in a tab, each loaded when a task of its type first comes: one line per type.
import type { TaskTypeName } from '@udcs/protocol';
import { bindExecutor } from './kit/bind.ts';
import type { ExecutorModule } from './kit/executor.ts';
import { mock } from './types/mock/task.ts';
import { wasm } from './types/wasm/task.ts';
import { wgslKernel } from './types/wgsl-kernel/task.ts';

/** `await browserExecutors.WASM()` gives an executor that checks its spec itself. */
export const browserExecutors = {
  WASM: async () => bindExecutor(wasm, (await import('./types/wasm/browser.ts')).default),
  WGSL_KERNEL: async () => bindExecutor(wgslKernel, (await import('./types/wgsl-kernel/browser.ts')).default),
  MOCK: async () => bindExecutor(mock, (await import('./types/mock/browser.ts')).default),
} as const satisfies Partial<Record<TaskTypeName, () => Promise<ExecutorModule<unknown>>>>;

export type BrowserTaskType = keyof typeof browserExecutors;
export const isBrowserTaskType = (type: string): type is BrowserTaskType => Object.hasOwn(browserExecutors, type);
