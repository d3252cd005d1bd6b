// Untrusted native code needs a machine where memory and process counts are really bounded.
import type { TaskTypeName } from '@udcs/protocol';
import { refuse, type StaticChecker } from './checker.ts';

const NATIVE_CODE: ReadonlySet<TaskTypeName> = new Set([
  'NATIVE_EXEC',
  'ASSEMBLY',
  'COMPILE',
  'DOCKER',
  'CUDA_KERNEL',
  'ROCM_KERNEL',
  'METAL_KERNEL',
  'OPENCL_KERNEL',
]);

export const checkWeakLimits: StaticChecker = (need, { capabilities, trusted }) =>
  trusted || !NATIVE_CODE.has(need.type) || capabilities.attributes['limits'] === 'enforced'
    ? null
    : refuse(
        'WEAK_LIMITS',
        'it can not bound memory and processes, so it takes native code only from its owner',
        'Use a worker where cgroup limits can be set, or one of your own',
      );
