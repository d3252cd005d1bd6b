// From numbers to bytes: uniform structs by WGSL's layout rules (spec §14.4), arrays by dtype. Everything is little-endian, as
// every WebGPU device is.
import { UdcsError } from '@udcs/protocol';
import type { Dtype, Field, FieldType } from '../schema.ts';

interface Shape {
  readonly alignBytes: number;
  readonly sizeBytes: number;
  readonly scalar: Dtype;
  readonly components: number;
}

const scalar = (type: Dtype, bytes: number): Shape => ({ alignBytes: bytes, sizeBytes: bytes, scalar: type, components: 1 });
const vector = (type: Dtype, components: number): Shape => ({ alignBytes: components === 2 ? 8 : 16, sizeBytes: components * 4, scalar: type, components });

const SHAPES: Readonly<Record<FieldType, Shape>> = {
  f32: scalar('f32', 4),
  i32: scalar('i32', 4),
  u32: scalar('u32', 4),
  f16: scalar('f16', 2),
  vec2f: vector('f32', 2),
  vec3f: vector('f32', 3),
  vec4f: vector('f32', 4),
  vec2i: vector('i32', 2),
  vec3i: vector('i32', 3),
  vec4i: vector('i32', 4),
  vec2u: vector('u32', 2),
  vec3u: vector('u32', 3),
  vec4u: vector('u32', 4),
  mat4x4f: { alignBytes: 16, sizeBytes: 64, scalar: 'f32', components: 16 },
};

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

interface PlacedField {
  readonly field: Field;
  readonly offsetBytes: number;
}

export interface StructLayout {
  readonly fields: readonly PlacedField[];
  readonly sizeBytes: number;
}

/** Uniform structs are bound in multiples of 16 bytes. */
export function layoutStruct(fields: readonly Field[]): StructLayout {
  let at = 0;
  let widest = 16;
  const placed: PlacedField[] = [];
  for (const field of fields) {
    const shape = SHAPES[field.type];
    at = roundUp(at, shape.alignBytes);
    placed.push({ field, offsetBytes: at });
    at += shape.sizeBytes;
    widest = Math.max(widest, shape.alignBytes);
  }
  return { fields: placed, sizeBytes: roundUp(at, widest) };
}

/** A number, a flag, or text that is one. @throws UdcsError INVALID_INPUT */
export function numberOf(value: number | string | boolean, what: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const parsed = Number(value);
  if (value.trim() === '' || Number.isNaN(parsed)) throw new UdcsError('INVALID_INPUT', `${what}: "${value}" is not a number`);
  return parsed;
}

/** IEEE 754 binary16, round to nearest even. */
export function halfBits(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = bits & 0x7f_ffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  const shifted = exponent - 112;
  if (shifted >= 31) return sign | 0x7c00;
  if (shifted < -10) return sign;
  const full = shifted <= 0 ? mantissa | 0x80_0000 : mantissa | (shifted << 23);
  const drop = shifted <= 0 ? 14 - shifted : 13;
  const kept = full >>> drop;
  const rest = full & ((1 << drop) - 1);
  const half = 1 << (drop - 1);
  return sign | (rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept);
}

function writeScalar(view: DataView, at: number, type: Dtype, value: number, what: string): void {
  if (type === 'f32') view.setFloat32(at, value, true);
  else if (type === 'f16') view.setUint16(at, halfBits(value), true);
  else {
    const [low, high] = type === 'u32' ? [0, 0xffff_ffff] : [-0x8000_0000, 0x7fff_ffff];
    if (!Number.isInteger(value) || value < low || value > high) throw new UdcsError('INVALID_INPUT', `${what}: ${value} is not a ${type}`);
    view.setUint32(at, value >>> 0, true);
  }
}

/** @param filledIn values of the fields the system fills in, by name */
export function structBytes(layout: StructLayout, filledIn: Readonly<Record<string, number>>, where: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(layout.sizeBytes);
  const view = new DataView(bytes.buffer);
  for (const { field, offsetBytes } of layout.fields) {
    const shape = SHAPES[field.type];
    const what = `${where}, field ${field.name}`;
    const value = filledIn[field.name] ?? field.value ?? 0;
    const given = Array.isArray(value) ? value : [value];
    if (given.length !== shape.components)
      throw new UdcsError('INVALID_INPUT', `${what}: ${field.type} takes ${shape.components} numbers, ${given.length} given`);
    const step = shape.scalar === 'f16' ? 2 : 4;
    for (const [index, item] of given.entries()) writeScalar(view, offsetBytes + index * step, shape.scalar, numberOf(item, what), what);
  }
  return bytes;
}

export function valuesBytes(dtype: Dtype, values: readonly (number | string | boolean)[], where: string): Uint8Array<ArrayBuffer> {
  const step = dtype === 'f16' ? 2 : 4;
  const bytes = new Uint8Array(roundUp(values.length * step, 4));
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) writeScalar(view, index * step, dtype, numberOf(value, where), `${where}, value ${index}`);
  return bytes;
}
