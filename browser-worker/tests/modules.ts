// Small WebAssembly modules as bytes, so that the tests need no compiler.

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** (func (export "f") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add) */
export const addModule = new Uint8Array([
  ...header,
  0x01,
  0x07,
  0x01,
  0x60,
  0x02,
  0x7f,
  0x7f,
  0x01,
  0x7f,
  0x03,
  0x02,
  0x01,
  0x00,
  0x07,
  0x05,
  0x01,
  0x01,
  0x66,
  0x00,
  0x00,
  0x0a,
  0x09,
  0x01,
  0x07,
  0x00,
  0x20,
  0x00,
  0x20,
  0x01,
  0x6a,
  0x0b,
]);

/** (func (export "f") (loop br 0)) */
export const endlessModule = new Uint8Array([
  ...header,
  0x01,
  0x04,
  0x01,
  0x60,
  0x00,
  0x00,
  0x03,
  0x02,
  0x01,
  0x00,
  0x07,
  0x05,
  0x01,
  0x01,
  0x66,
  0x00,
  0x00,
  0x0a,
  0x09,
  0x01,
  0x07,
  0x00,
  0x03,
  0x40,
  0x0c,
  0x00,
  0x0b,
  0x0b,
]);

/** A WGSL job that doubles `values`; with `turns` it also spins that often, to be long. */
export const doublingKernel = (values: readonly number[], turns = 0) => ({
  type: 'WGSL_KERNEL' as const,
  spec: {
    code: `@group(0) @binding(0) var<storage, read> numbers: array<f32>;
@group(0) @binding(1) var<storage, read_write> doubled: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) {
  var rest = 0f;
  for (var turn = 0u; turn < ${turns}u; turn++) { rest = fract(rest * 1.5f + 0.25f); }
  doubled[id.x] = numbers[id.x] * 2f + select(0f, 1f, rest > 2f);
}`,
    workgroups: [values.length, 1, 1] as [number, number, number],
    bindings: [
      { group: 0, binding: 0, kind: 'read-storage' as const, values: [...values] },
      { group: 0, binding: 1, kind: 'storage' as const, shape: [values.length], output: 'doubled' },
    ],
    maxLoopIterations: Math.max(1_000_000, turns),
  },
  outputs: [{ name: 'doubled' }],
});

export function floatsOf(inline: string | undefined): number[] {
  const bytes = Buffer.from(inline ?? '', 'base64');
  return [...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))];
}
