// Cross-field rules of a WGSL_KERNEL that a schema can not say, each as a sentence for the submitter.
import type { JobSpec } from '@udcs/protocol';
import { type Binding, type Field, RESERVED_FIELDS, type WgslKernelSpec } from './schema.ts';

const MAX_WORKGROUPS_PER_AXIS = 65_535;
/** Of one buffer, whatever a device may allow. */
const MAX_BUFFER_BYTES = 1024 ** 3;

const FIELD_COMPONENTS: Readonly<Record<Field['type'], number>> = {
  f32: 1,
  i32: 1,
  u32: 1,
  f16: 1,
  vec2f: 2,
  vec3f: 3,
  vec4f: 4,
  vec2i: 2,
  vec3i: 3,
  vec4i: 4,
  vec2u: 2,
  vec3u: 3,
  vec4u: 4,
  mat4x4f: 16,
};
const componentsOf = (type: Field['type']): number => FIELD_COMPONENTS[type];
export const bytesPerElement = (dtype: Binding['dtype']): number => (dtype === 'f16' ? 2 : 4);
export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
const isReservedField = (name: string): boolean => RESERVED_FIELDS.some((reserved) => reserved === name);

function checkField(where: string, field: Field, splitOffset: string | null): string | null {
  const what = `${where}, field ${field.name}`;
  const filledIn = isReservedField(field.name) || field.name === splitOffset;
  if (filledIn) {
    if (field.type !== 'u32') return `${what}: must be u32`;
    return field.value === undefined ? null : `${what}: has no value of its own, the system fills it in`;
  }
  if (field.value === undefined) return `${what}: a value is missing`;
  const given = Array.isArray(field.value) ? field.value.length : 1;
  const wanted = componentsOf(field.type);
  return given === wanted ? null : `${what}: ${field.type} takes ${wanted} ${wanted === 1 ? 'number' : 'numbers'}, ${given} given`;
}

function checkBinding(binding: Binding, spec: WgslKernelSpec, job: JobSpec): string | null {
  const where = `binding ${binding.group}.${binding.binding}`;
  const sources = [binding.input, binding.values, binding.fields].filter((source) => source !== undefined).length;
  if (sources > 1) return `${where}: give only one of input, values and fields`;
  if (sources === 0 && binding.shape === undefined) return `${where}: shape is missing (nothing else says how large the buffer is)`;
  if (binding.kind !== 'storage' && sources === 0) return `${where}: a ${binding.kind} buffer needs input, values or fields`;
  if (binding.output !== undefined && binding.kind !== 'storage') return `${where}: only a storage buffer can be an output`;
  if (binding.fields !== undefined && binding.shape !== undefined) return `${where}: fields say the size, remove shape`;
  if (binding.fields !== undefined && binding.kind === 'storage') return `${where}: fields are for uniform and read-storage buffers`;
  if (binding.input !== undefined && !job.inputs.some((input) => input.name === binding.input)) return `${where}: the job has no input "${binding.input}"`;
  if (binding.output !== undefined && !job.outputs.some((output) => output.name === binding.output))
    return `${where}: the job has no output "${binding.output}"`;
  if (binding.shape !== undefined) {
    const elements = elementsOf(binding.shape);
    if (elements * bytesPerElement(binding.dtype) > MAX_BUFFER_BYTES)
      return `${where}: ${elements} elements are more than ${MAX_BUFFER_BYTES} bytes; split the job into an array`;
    if (binding.values !== undefined && binding.values.length !== elements)
      return `${where}: shape says ${elements} elements, values has ${binding.values.length}`;
  }
  const names = new Set<string>();
  for (const field of binding.fields ?? []) {
    if (names.has(field.name)) return `${where}: two fields are called ${field.name}`;
    names.add(field.name);
    const wrong = checkField(where, field, spec.split?.offset ?? null);
    if (wrong !== null) return wrong;
  }
  return null;
}

function checkSplit(spec: WgslKernelSpec): string | null {
  if (spec.split === undefined) return null;
  if (spec.passes !== undefined) return 'split cuts one dispatch; it does not go with passes';
  const { offset } = spec.split;
  const asField = spec.bindings.filter((binding) => binding.kind === 'uniform' && binding.fields?.some((field) => field.name === offset)).length;
  const asOverride = Object.hasOwn(spec.overrides, offset) || new RegExp(`\\boverride\\s+${offset}\\b`).test(spec.code);
  if (asField + (asOverride ? 1 : 0) !== 1) return `split.offset "${offset}" must name exactly one u32 uniform field or one override of the shader`;
  return Object.hasOwn(spec.overrides, offset) ? `overrides.${offset} is filled in by split, remove it` : null;
}

function checkDispatches(spec: WgslKernelSpec): string | null {
  if ((spec.workgroups === undefined) === (spec.passes === undefined)) return 'give either workgroups or passes';
  for (const workgroups of spec.passes?.map((pass) => pass.workgroups) ?? [spec.workgroups ?? [1, 1, 1]]) {
    for (const [at, size] of workgroups.entries()) {
      const cut = spec.split !== undefined && 'xyz'[at] === spec.split.axis;
      if (size > MAX_WORKGROUPS_PER_AXIS && !cut)
        return `${size} workgroups along ${'xyz'[at]} are more than ${MAX_WORKGROUPS_PER_AXIS}; add split, or use another axis`;
    }
  }
  return null;
}

export function checkWgslKernel(spec: WgslKernelSpec, job: JobSpec): string | null {
  const dispatches = checkDispatches(spec) ?? checkSplit(spec);
  if (dispatches !== null) return dispatches;
  const places = new Set<string>();
  const outputs = new Set<string>();
  for (const binding of spec.bindings) {
    const place = `${binding.group}.${binding.binding}`;
    if (places.has(place)) return `binding ${place} is given twice`;
    places.add(place);
    if (binding.output !== undefined && outputs.has(binding.output)) return `output "${binding.output}" is written by two bindings`;
    if (binding.output !== undefined) outputs.add(binding.output);
    const wrong = checkBinding(binding, spec, job);
    if (wrong !== null) return wrong;
  }
  const missing = job.outputs.find((output) => !outputs.has(output.name));
  if (missing !== undefined) return `no binding writes the output "${missing.name}"`;
  return outputs.size === 0 ? 'no binding has an output: the kernel would leave nothing behind' : null;
}
