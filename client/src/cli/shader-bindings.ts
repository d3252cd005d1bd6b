// The bindings that a shader declares, read from its text, so that people name variables instead of group and binding
// numbers. It reads declarations only; whether they are right is for the shader compiler.
import { UdcsError } from '@udcs/protocol';

export interface ShaderVariable {
  readonly name: string;
  readonly group: number;
  readonly binding: number;
  readonly kind: 'uniform' | 'storage' | 'read-storage';
}

const DECLARATION = /((?:@(?:group|binding)\s*\(\s*\d+\s*\)\s*){2})var\s*<\s*(uniform|storage)\s*(?:,\s*(read_write|read)\s*)?,?\s*>\s*([A-Za-z_]\w*)/g;

export function shaderVariables(code: string): ShaderVariable[] {
  const text = code.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
  return [...text.matchAll(DECLARATION)].map(([, attributes = '', space, access, name = '']) => ({
    name,
    group: Number(/@group\s*\(\s*(\d+)/.exec(attributes)?.[1] ?? 0),
    binding: Number(/@binding\s*\(\s*(\d+)/.exec(attributes)?.[1] ?? 0),
    kind: space === 'uniform' ? 'uniform' : access === 'read_write' ? 'storage' : 'read-storage',
  }));
}

/** Bindings of a WGSL_KERNEL spec for the variables that are filled or read back. @throws UdcsError INVALID_INPUT */
export function bindingsOf(
  variables: readonly ShaderVariable[],
  inputs: ReadonlySet<string>,
  outputs: ReadonlyMap<string, string>,
  file: string,
): Record<string, unknown>[] {
  const known = new Set(variables.map(({ name }) => name));
  for (const name of [...inputs, ...outputs.keys()]) {
    if (!known.has(name))
      throw new UdcsError('INVALID_INPUT', `${file} declares no variable "${name}" with @group and @binding`, {
        hint: `it declares ${[...known].join(', ') || 'none'}`,
      });
  }
  return variables.map(({ name, group, binding, kind }) => {
    const out = outputs.get(name);
    if (out !== undefined && kind !== 'storage') throw new UdcsError('INVALID_INPUT', `"${name}" can not be read back: it is not var<storage, read_write>`);
    if (out === undefined && !inputs.has(name))
      throw new UdcsError('INVALID_INPUT', `the variable "${name}" of ${file} is neither filled nor read back`, {
        hint:
          kind === 'storage'
            ? `add --in ${name}=file or --out ${name}=f32:count`
            : `add --in ${name}=file, or write a job file, whose bindings can fill fields`,
      });
    return { group, binding, kind, ...(inputs.has(name) ? { input: name } : {}), ...(out === undefined ? {} : { output: name, ...shapeOf(out) }) };
  });
}

function shapeOf(text: string): { dtype: string; shape: number[] } {
  const match = /^(f32|i32|u32|f16):(\d+(?:x\d+)*)$/.exec(text);
  if (match === null)
    throw new UdcsError('INVALID_INPUT', `"${text}" is not a type and a count`, { hint: 'write it like f32:1024 or u32:64x64; types are f32, i32, u32, f16' });
  return { dtype: match[1] as string, shape: (match[2] as string).split('x').map(Number) };
}
