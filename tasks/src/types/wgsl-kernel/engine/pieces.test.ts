// The laws of cutting and of laying out, without a GPU.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Field } from '../schema.ts';
import { halfBits, layoutStruct, valuesBytes } from './layout.ts';
import { Cutter, MAX_WORKGROUPS_PER_SUBMIT, type Piece } from './pieces.ts';

function cut(total: number, across: number, goalMs: number, msPerWorkgroup: (piece: Piece) => number): Piece[] {
  const cutter = new Cutter(total, across, goalMs);
  const pieces: Piece[] = [];
  for (let piece = cutter.take(); piece !== null; piece = cutter.take()) {
    pieces.push(piece);
    cutter.took(piece, msPerWorkgroup(piece) * piece.count);
  }
  return pieces;
}

describe('cutting a dispatch', () => {
  it('covers the whole once, in order, within the bounds, whatever the speed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000 }),
        fc.integer({ min: 1, max: 2_000_000 }),
        fc.array(fc.double({ min: 0, max: 1_000, noNaN: true }), { minLength: 1 }),
        (total, across, speeds) => {
          const pieces = cut(total, across, 50, (piece) => speeds[piece.from % speeds.length] ?? 1);
          let next = 0;
          for (const piece of pieces) {
            expect(piece.from).toBe(next);
            expect(piece.count).toBeGreaterThan(0);
            expect(piece.count === 1 || piece.count * across <= MAX_WORKGROUPS_PER_SUBMIT).toBe(true);
            next += piece.count;
          }
          expect(next).toBe(total);
        },
      ),
    );
  });

  it('stays under the goal once it has measured, at even speed', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 40, noNaN: true }), (ms) => {
        for (const piece of cut(2_000, 1, 50, () => ms)) expect(piece.count * ms).toBeLessThanOrEqual(50);
      }),
    );
  });

  it('grows fast where a piece costs nothing', () => {
    expect(cut(60_000, 1, 50, () => 0).length).toBeLessThan(12);
  });
});

describe('layout', () => {
  it('rounds to half floats as IEEE 754 says', () => {
    const known: [number, number][] = [
      [0, 0],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [65_504, 0x7bff],
      [65_520, 0x7c00],
      [Infinity, 0x7c00],
      [2 ** -24, 1],
      [2 ** -25, 0],
      [2 ** -14, 0x400],
      [1 / 3, 0x3555],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
    ];
    for (const [value, bits] of known) expect(halfBits(value), String(value)).toBe(bits);
    expect(halfBits(Number.NaN) & 0x7e00).toBe(0x7e00);
  });

  it('places fields on their alignment, in order, without overlap', () => {
    const sizes: Record<string, [number, number]> = {
      f32: [4, 4],
      u32: [4, 4],
      vec2f: [8, 8],
      vec3f: [16, 12],
      vec4i: [16, 16],
      mat4x4f: [16, 64],
      f16: [2, 2],
    };
    const field = fc.constantFrom(...(Object.keys(sizes) as Field['type'][])).map((type): Field => ({ name: 'x', type, value: 0 }));
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 20 }), (fields) => {
        const layout = layoutStruct(fields);
        let end = 0;
        for (const { field: placed, offsetBytes } of layout.fields) {
          const [align, size] = sizes[placed.type] ?? [4, 4];
          expect(offsetBytes % align).toBe(0);
          expect(offsetBytes).toBeGreaterThanOrEqual(end);
          expect(offsetBytes - end).toBeLessThan(align);
          end = offsetBytes + size;
        }
        expect(layout.sizeBytes % 16).toBe(0);
        expect(layout.sizeBytes).toBeGreaterThanOrEqual(end);
      }),
    );
  });

  it('writes numbers little-endian and refuses what does not fit', () => {
    expect([...valuesBytes('u32', ['258', true], 'b')]).toEqual([2, 1, 0, 0, 1, 0, 0, 0]);
    expect([...valuesBytes('i32', [-2], 'b')]).toEqual([254, 255, 255, 255]);
    expect(valuesBytes('f16', [1], 'b').length).toBe(4);
    expect(() => valuesBytes('u32', [-1], 'binding 0.1')).toThrow('binding 0.1, value 0: -1 is not a u32');
    expect(() => valuesBytes('i32', [1.5], 'b')).toThrow('not a i32');
    expect(() => valuesBytes('f32', ['x'], 'b')).toThrow('not a number');
  });
});
