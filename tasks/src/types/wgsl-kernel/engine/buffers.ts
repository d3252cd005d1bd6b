// The buffers of one kernel: sizes worked out before a device is asked for (so that the right limits can be), made, filled and
// read back.
import { UdcsError } from '@udcs/protocol';
import type { ExecutorTask, Host } from '../../../kit/executor.ts';
import { bytesPerElement, elementsOf } from '../check.ts';
import type { Binding, WgslKernelSpec } from '../schema.ts';
import { layoutStruct, structBytes, valuesBytes } from './layout.ts';
import { BUFFER_USAGE, MAP_MODE_READ } from './webgpu-constants.ts';

export interface PlannedBuffer {
  readonly binding: Binding;
  /** Bytes to bind, a multiple of 4. */
  readonly sizeBytes: number;
  /** Bytes that are the user's; the rest is padding. */
  readonly usedBytes: number;
  readonly content: Uint8Array<ArrayBuffer> | null;
  /** Where split's offset goes in this buffer. */
  readonly offsetAtBytes: number | null;
}

export interface MadeBuffer extends PlannedBuffer {
  readonly buffer: GPUBuffer;
}

const roundUp4 = (value: number): number => Math.ceil(value / 4) * 4;
const nameOf = (binding: Binding): string => `binding ${binding.group}.${binding.binding}`;

async function inputBytes(task: ExecutorTask<WgslKernelSpec>, host: Pick<Host, 'artifacts'>, binding: Binding): Promise<Uint8Array<ArrayBuffer>> {
  const input = task.inputs.find((candidate) => candidate.name === binding.input);
  if (input === undefined) throw new UdcsError('INVALID_INPUT', `${nameOf(binding)}: the job has no input "${binding.input}"`);
  const bytes = await host.artifacts.read(input.digest);
  const step = bytesPerElement(binding.dtype);
  if (bytes.length === 0 || bytes.length % step !== 0)
    throw new UdcsError('INVALID_INPUT', `${nameOf(binding)}: the input "${binding.input}" has ${bytes.length} bytes, no whole number of ${binding.dtype}`);
  if (binding.shape !== undefined && elementsOf(binding.shape) * step !== bytes.length) {
    throw new UdcsError(
      'INVALID_INPUT',
      `${nameOf(binding)}: shape says ${elementsOf(binding.shape) * step} bytes, the input "${binding.input}" has ${bytes.length}`,
    );
  }
  return new Uint8Array(bytes);
}

/** Values the system fills in; split's offset starts at 0 and is rewritten before each piece. */
function filledIn(task: ExecutorTask<WgslKernelSpec>): Record<string, number> {
  const offset = task.spec.split?.offset;
  return {
    UDCS_INDEX: task.index,
    UDCS_COUNT: task.count,
    UDCS_ATTEMPT: Number(task.environment['UDCS_ATTEMPT'] ?? 1),
    ...(offset === undefined ? {} : { [offset]: 0 }),
  };
}

export async function planBuffers(task: ExecutorTask<WgslKernelSpec>, host: Pick<Host, 'artifacts'>): Promise<PlannedBuffer[]> {
  const planned: PlannedBuffer[] = [];
  for (const binding of task.spec.bindings) {
    if (binding.fields !== undefined) {
      const layout = layoutStruct(binding.fields);
      const offset = layout.fields.find((placed) => placed.field.name === task.spec.split?.offset);
      const isOffsetHere = offset !== undefined && binding.kind === 'uniform';
      const content = structBytes(layout, filledIn(task), nameOf(binding));
      planned.push({ binding, sizeBytes: content.length, usedBytes: content.length, content, offsetAtBytes: isOffsetHere ? offset.offsetBytes : null });
      continue;
    }
    const content =
      binding.input !== undefined
        ? await inputBytes(task, host, binding)
        : binding.values !== undefined
          ? valuesBytes(binding.dtype, binding.values, nameOf(binding))
          : null;
    const elements = binding.shape === undefined ? null : elementsOf(binding.shape);
    const usedBytes = elements === null ? (content?.length ?? 4) : elements * bytesPerElement(binding.dtype);
    planned.push({ binding, sizeBytes: roundUp4(usedBytes), usedBytes, content, offsetAtBytes: null });
  }
  return planned;
}

/** Limits above WebGPU's defaults that these buffers need; the submitter's own come on top. */
export function neededLimits(planned: readonly PlannedBuffer[], spec: WgslKernelSpec, hasTrap: boolean): Record<string, number> {
  const storage = planned.filter(({ binding }) => binding.kind !== 'uniform');
  const largest = (buffers: readonly PlannedBuffer[]): number => buffers.reduce((most, buffer) => Math.max(most, buffer.sizeBytes), 0);
  const needed: Record<string, number> = { ...spec.requiredLimits };
  const atLeast = (name: string, value: number, byDefault: number): void => {
    if (value > byDefault) needed[name] = Math.max(needed[name] ?? 0, value);
  };
  atLeast('maxStorageBufferBindingSize', largest(storage), 134_217_728);
  atLeast('maxUniformBufferBindingSize', largest(planned.filter(({ binding }) => binding.kind === 'uniform')), 65_536);
  atLeast('maxBufferSize', largest(planned), 268_435_456);
  atLeast('maxStorageBuffersPerShaderStage', storage.length + (hasTrap ? 1 : 0), 8);
  return needed;
}

const USAGE: Readonly<Record<Binding['kind'], number>> = {
  uniform: BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST,
  storage: BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_DST | BUFFER_USAGE.COPY_SRC,
  'read-storage': BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_DST,
};

export function makeBuffer(device: GPUDevice, planned: PlannedBuffer): MadeBuffer {
  const buffer = device.createBuffer({ size: planned.sizeBytes, usage: USAGE[planned.binding.kind], label: nameOf(planned.binding) });
  if (planned.content !== null) {
    const padded = planned.content.length % 4 === 0 ? planned.content : new Uint8Array(planned.sizeBytes);
    if (padded !== planned.content) padded.set(planned.content);
    device.queue.writeBuffer(buffer, 0, padded);
  }
  return { ...planned, buffer };
}

/** The buffer's bytes, after everything submitted before is done. */
export async function readBack(device: GPUDevice, buffer: GPUBuffer, sizeBytes: number, usedBytes: number): Promise<Uint8Array> {
  const staging = device.createBuffer({ size: sizeBytes, usage: BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST, label: 'read back' });
  try {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, sizeBytes);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_MODE_READ);
    return new Uint8Array(staging.getMappedRange().slice(0, usedBytes));
  } finally {
    staging.destroy();
  }
}
