// From gated code to a pipeline: compile errors with the user's line and column, launch errors in words.
import { UdcsError } from '@udcs/protocol';
import type { WgslKernelSpec } from '../schema.ts';
import { checkEntryPoint, type GatedKernel, type TrapPlace } from './gate.ts';
import { numberOf } from './layout.ts';
import { SHADER_STAGE_COMPUTE } from './webgpu-constants.ts';

const MAX_MESSAGES = 5;

/** First line of a driver's message, without its wrapping. */
export const firstLine = (message: string): string => (message.split('\n').find((line) => line.trim() !== '') ?? message).trim().slice(0, 500);

/** @throws UdcsError KERNEL_COMPILE */
export async function compileShader(device: GPUDevice, kernel: GatedKernel, userLines: number): Promise<GPUShaderModule> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code: kernel.code });
  const scope = device.popErrorScope();
  const info = await module.getCompilationInfo();
  const failure = await scope;
  const errors = info.messages.filter((message) => message.type === 'error');
  if (errors.length === 0 && failure === null) return module;
  const words = errors.slice(0, MAX_MESSAGES).map((message) => {
    const isUsers = message.lineNum > 0 && message.lineNum <= userLines;
    return `${isUsers ? `${message.lineNum}:${kernel.userColumn(message.lineNum, message.linePos)}` : 'in the loop budget'}: ${firstLine(message.message)}`;
  });
  throw new UdcsError('KERNEL_COMPILE', words.length > 0 ? words.join('\n') : firstLine(failure?.message ?? 'the shader does not compile'));
}

export interface Layouts {
  readonly groups: readonly GPUBindGroupLayout[];
  readonly pipeline: GPUPipelineLayout;
}

const BUFFER_TYPE = { uniform: 'uniform', storage: 'storage', 'read-storage': 'read-only-storage' } as const;

export function makeLayouts(device: GPUDevice, spec: WgslKernelSpec, trap: TrapPlace | null): Layouts {
  const count = Math.max(...spec.bindings.map((binding) => binding.group), trap?.group ?? 0) + 1;
  const groups = Array.from({ length: count }, (_, group) => {
    const entries: GPUBindGroupLayoutEntry[] = spec.bindings
      .filter((binding) => binding.group === group)
      .map((binding) => ({ binding: binding.binding, visibility: SHADER_STAGE_COMPUTE, buffer: { type: BUFFER_TYPE[binding.kind] } }));
    if (trap?.group === group) entries.push({ binding: trap.binding, visibility: SHADER_STAGE_COMPUTE, buffer: { type: 'storage' } });
    return device.createBindGroupLayout({ entries });
  });
  return { groups, pipeline: device.createPipelineLayout({ bindGroupLayouts: groups }) };
}

export interface PipelineMaker {
  /** Pipeline of an entry point; `extra` are override values of this piece. */
  make(entryPoint: string, extra?: Readonly<Record<string, number>>): Promise<GPUComputePipeline>;
}

export function pipelineMaker(device: GPUDevice, module: GPUShaderModule, kernel: GatedKernel, layout: GPUPipelineLayout, spec: WgslKernelSpec): PipelineMaker {
  const constants: Record<string, number> = {};
  for (const [name, value] of Object.entries(spec.overrides)) constants[name] = numberOf(value, `overrides.${name}`);
  const known = new Map<string, GPUComputePipeline>();
  return {
    async make(entryPoint, extra = {}) {
      const cached = Object.keys(extra).length === 0 ? known.get(entryPoint) : undefined;
      if (cached !== undefined) return cached;
      checkEntryPoint(kernel, entryPoint);
      try {
        const pipeline = await device.createComputePipelineAsync({ layout, compute: { module, entryPoint, constants: { ...constants, ...extra } } });
        if (Object.keys(extra).length === 0) known.set(entryPoint, pipeline);
        return pipeline;
      } catch (thrown) {
        const message = firstLine(thrown instanceof Error ? thrown.message : String(thrown));
        const isInternal = typeof thrown === 'object' && thrown !== null && 'reason' in thrown && thrown.reason === 'internal';
        throw new UdcsError(isInternal ? 'EXECUTOR_FAILED' : 'KERNEL_INVALID', isInternal ? `the driver could not build the kernel: ${message}` : message, {
          cause: thrown,
        });
      }
    },
  };
}
