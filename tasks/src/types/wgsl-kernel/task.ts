// WGSL_KERNEL: a compute shader over typed buffers, in a tab or natively through Dawn. This is the contract; engine/ holds
// the gate that shaders pass and the code that dispatches them, the same on both sides.
import type { Predicate } from '@udcs/protocol';
import { defineTaskType } from '../../kit/task-type.ts';
import { checkWgslKernel } from './check.ts';
import { type WgslKernelSpec, wgslKernelSpecSchema } from './schema.ts';

/** The gate reports an exhausted loop budget through one storage buffer more than the kernel's own. */
function wishes(spec: WgslKernelSpec): Predicate[] {
  const predicates: Predicate[] = [{ attr: 'webgpu', op: '=', value: true }];
  if (spec.requiredFeatures.length > 0) predicates.push({ attr: 'webgpu.features', op: 'contains', value: spec.requiredFeatures });
  for (const [name, value] of Object.entries(spec.requiredLimits)) predicates.push({ attr: `webgpu.limits.${name}`, op: '>=', value });
  return predicates;
}

export const wgslKernel = defineTaskType<WgslKernelSpec>({
  type: 'WGSL_KERNEL',
  summary: 'A WebGPU compute shader over typed buffers, on the GPU of a tab or of a native worker.',
  spec: wgslKernelSpecSchema,
  artifacts: () => [],
  // Parsed again on purpose: the scheduler asks with the spec as it was stored, where defaults are not filled in.
  alternatives: (spec) => [wishes(wgslKernelSpecSchema.parse(spec))],
  isolation: 'wasm',
  check: checkWgslKernel,
  describe: () => 'Runs a compute shader on your graphics processor in short steps. It sees only its own numbers.',
});
