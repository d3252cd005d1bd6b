// The memory rewriter and the gates before compilation, over generated modules and a corpus of broken ones.
import { readFileSync } from 'node:fs';
import type { ErrorCode } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failureOf } from '../../../testing/fake-host.ts';
import { gate } from './compile.ts';
import { hasFeature } from './features.ts';
import { seededBytes } from './imports.ts';
import { Cursor, encodeUnsigned } from './leb128.ts';
import { limitMemory } from './limit-memory.ts';
import { findRelaxedSimd } from './relaxed-simd.ts';

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const section = (id: number, body: readonly number[]): number[] => [id, ...encodeUnsigned(body.length), ...body];
const name = (text: string): number[] => [...encodeUnsigned(text.length), ...new TextEncoder().encode(text)];
const module = (...sections: readonly (readonly number[])[]): Uint8Array => new Uint8Array([...HEADER, ...sections.flat()]);
const memory = (min: number, max: number | null): number[] =>
  section(5, [1, max === null ? 0 : 1, ...encodeUnsigned(min), ...(max === null ? [] : encodeUnsigned(max))]);
const custom = (text: string, bytes: readonly number[]): number[] => section(0, [...name(text), ...bytes]);
const importing = (...entries: readonly (readonly number[])[]): number[] => section(2, [...encodeUnsigned(entries.length), ...entries.flat()]);
const MEMORY_EXPORT = section(7, [1, ...name('memory'), 2, 0]);
const body = (...code: number[]): number[] => section(10, [1, ...encodeUnsigned(code.length + 2), 0, ...code, 0x0b]);
const FUNCTION = [...section(1, [1, 0x60, 0, 0]), ...section(3, [1, 0])];

function bytesOf(value: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(value);
}

describe('LEB128', () => {
  it('reads back every number it wrote', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 - 1 }), (value) => {
        const cursor = new Cursor(new Uint8Array(encodeUnsigned(value)));
        expect(cursor.unsigned()).toBe(value);
        expect(cursor.isAtEnd).toBe(true);
      }),
    );
  });
});

describe('the memory rewriter', () => {
  const pages = fc.nat({ max: 300 });

  it('gives every module a maximum of at most the cap, leaves the rest byte for byte, and the engine agrees', async () => {
    await fc.assert(
      fc.asyncProperty(pages, fc.option(pages), fc.integer({ min: 1, max: 300 }), fc.uint8Array({ maxLength: 40 }), async (min, extra, cap, noise) => {
        fc.pre(min <= cap);
        const max = extra === null ? null : min + extra;
        const source = module(custom('before', [...noise]), memory(min, max), MEMORY_EXPORT, custom('after', [...noise]));
        const limited = limitMemory(source, cap);
        const allowed = Math.min(cap, max ?? cap);
        expect(limited.memory).toEqual({ kind: 'own', minPages: min, maxPages: allowed });
        expect(limited.bytes).toEqual(module(custom('before', [...noise]), memory(min, allowed), MEMORY_EXPORT, custom('after', [...noise])));
        const { instance } = await WebAssembly.instantiate(limited.bytes);
        const grown = instance.exports['memory'] as WebAssembly.Memory;
        expect(() => grown.grow(allowed - min + 1)).toThrow(RangeError);
        expect(grown.grow(allowed - min)).toBe(min);
      }),
      { numRuns: 200 },
    );
  });

  it('is idempotent', () => {
    const once = limitMemory(module(memory(1, null), MEMORY_EXPORT), 16);
    expect(limitMemory(once.bytes, 16)).toEqual(once);
  });

  it('sees an imported memory behind imports of every other kind', () => {
    const all = importing(
      [...name('a'), ...name('f'), 0, 0],
      [...name('a'), ...name('t'), 1, 0x70, 1, 1, 9],
      [...name('a'), ...name('r'), 1, 0x63, 0x70, 0, 1],
      [...name('a'), ...name('g'), 3, 0x7f, 0],
      [...name('a'), ...name('e'), 4, 0, 0],
      [...name('env'), ...name('memory'), 2, 1, 2, 50],
    );
    expect(limitMemory(module(all), 20).memory).toEqual({ kind: 'imported', minPages: 2, maxPages: 20 });
  });

  it('never fails with anything but an error of the table, whatever the bytes', () => {
    const real = new Uint8Array(readFileSync(new URL('../../../../../tests/fixtures/wasm/trap.wasm', import.meta.url)));
    fc.assert(
      fc.property(fc.nat({ max: real.length - 1 }), fc.integer({ min: 0, max: 255 }), fc.nat({ max: real.length }), (at, value, cut) => {
        const broken = real.slice(0, cut);
        if (at < broken.length) broken[at] = value;
        try {
          const limited = limitMemory(broken, 1_000);
          findRelaxedSimd(limited.bytes);
        } catch (thrown) {
          expect(thrown).toHaveProperty('code', expect.stringMatching(/^(MODULE_INVALID|MEMORY_LIMIT)$/));
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('hostile and broken modules', () => {
  const wasi = (text: string): number[] => [...name('wasi_snapshot_preview1'), ...name(text), 0, 0];
  const cases: Record<string, [Uint8Array, ErrorCode, string]> = {
    'nothing at all': [new Uint8Array(), 'MODULE_INVALID', 'empty'],
    'a text file': [new TextEncoder().encode('(module)'), 'MODULE_INVALID', 'not a WebAssembly module'],
    'an ELF file': [new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), 'MODULE_INVALID', 'not a WebAssembly module'],
    'only the magic': [new Uint8Array([0, 0x61, 0x73, 0x6d]), 'MODULE_INVALID', 'cut off'],
    'a component': [new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), 'MODULE_INVALID', 'component'],
    'an unknown version': [new Uint8Array([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]), 'MODULE_INVALID', 'version 2'],
    'a section that is cut off': [module([5, 100, 1]), 'MODULE_INVALID', 'cut off'],
    'a section of 4 GiB': [module([5, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'MODULE_INVALID', 'cut off'],
    'a length that never ends': [module([5, ...Array<number>(12).fill(0xff)]), 'MODULE_INVALID', 'longer than 10 bytes'],
    'shared memory': [module(section(5, [1, 3, 1, 2])), 'MODULE_INVALID', 'shared memory'],
    'imported shared memory': [module(importing([...name('env'), ...name('memory'), 2, 3, 1, 2])), 'MODULE_INVALID', 'shared memory'],
    '64-bit memory': [module(section(5, [1, 4, 1])), 'MODULE_INVALID', '64-bit'],
    'memory of unknown kind': [module(section(5, [1, 0x10, 1])), 'MODULE_INVALID', 'unknown flags'],
    'two memories in one section': [module(section(5, [2, 0, 1, 0, 1])), 'MODULE_INVALID', 'more than one memory'],
    'two memory sections': [module(memory(1, null), memory(1, null)), 'MODULE_INVALID', 'more than one memory'],
    'an imported and an own memory': [
      module(importing([...name('env'), ...name('memory'), 2, 0, 1]), memory(1, null)),
      'MODULE_INVALID',
      'more than one memory',
    ],
    'a memory that starts over the cap': [module(memory(1_000, null)), 'MEMORY_LIMIT', 'starts with'],
    'an imported memory over the cap': [module(importing([...name('env'), ...name('memory'), 2, 0, 0xe8, 7])), 'MEMORY_LIMIT', 'starts with'],
    'an import of unknown kind': [module(importing([...name('a'), ...name('b'), 9, 0])), 'MODULE_INVALID', 'unknown kind 9'],
    'an import that is not offered': [
      module(section(1, [1, 0x60, 0, 0]), importing([...name('env'), ...name('system'), 0, 0])),
      'MODULE_INVALID',
      'env.system',
    ],
    'a socket': [module(section(1, [1, 0x60, 0, 0]), importing(wasi('sock_send'))), 'MODULE_INVALID', 'wasi_snapshot_preview1.sock_send'],
    'a raised signal': [module(section(1, [1, 0x60, 0, 0]), importing(wasi('proc_raise'))), 'MODULE_INVALID', 'proc_raise'],
    'preview 0': [
      module(section(1, [1, 0x60, 0, 0]), importing([...name('wasi_unstable'), ...name('fd_write'), 0, 0])),
      'MODULE_INVALID',
      'wasi_unstable.fd_write',
    ],
    'a prototype as import': [
      module(section(1, [1, 0x60, 0, 0]), importing([...name('wasi_snapshot_preview1'), ...name('__proto__'), 0, 0])),
      'MODULE_INVALID',
      '__proto__',
    ],
    'a global as import': [module(importing([...name('env'), ...name('g'), 3, 0x7f, 0])), 'MODULE_INVALID', 'global env.g'],
    'a body that does not validate': [module(FUNCTION, body(0x6a)), 'MODULE_INVALID', 'does not validate'],
    'an unknown instruction': [module(FUNCTION, body(0xff, 0x00)), 'MODULE_INVALID', 'not known'],
    'an atomic instruction': [module(FUNCTION, body(0xfe, 0x03, 0x00)), 'MODULE_INVALID', 'atomic'],
    'sections in the wrong order': [module(MEMORY_EXPORT, memory(1, null)), 'MODULE_INVALID', 'does not validate'],
    'relaxed SIMD': [module(FUNCTION, body(0x41, 1, 0xfd, 0x0f, 0x41, 2, 0xfd, 0x0f, 0xfd, 0x80, 0x02, 0x1a)), 'MODULE_INVALID', 'relaxed SIMD'],
    'relaxed SIMD behind every other immediate': [
      module(
        FUNCTION,
        body(
          0x02,
          0x40,
          0x0b,
          0x41,
          0x7f,
          0x1a,
          0x42,
          0xff,
          0,
          0x1a,
          0x43,
          0,
          0,
          0,
          0,
          0x1a,
          0x44,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0x1a,
          0xfd,
          0x0c,
          ...Array<number>(16).fill(1),
          0x1a,
          0xfd,
          0x85,
          0x02,
        ),
      ),
      'MODULE_INVALID',
      'relaxed SIMD',
    ],
  };

  it.each(Object.entries(cases))('%s', async (_, [bytes, code, words]) => {
    const failure = await failureOf(gate(bytes, 16, []));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(words);
  });

  it('lets the same relaxed SIMD through when the job asks for it', async () => {
    const bytes = module(FUNCTION, body(0x41, 1, 0xfd, 0x0f, 0x41, 2, 0xfd, 0x0f, 0xfd, 0x80, 0x02, 0x1a));
    if (!hasFeature('relaxed-simd')) expect((await failureOf(gate(bytes, 16, ['relaxed-simd']))).code).toBe('UNSUPPORTED');
    else expect((await gate(bytes, 16, ['relaxed-simd'])).memory.kind).toBe('none');
  });

  it('walks every fixture without finding what is not there', () => {
    for (const fixture of ['gzip', 'wc', 'files', 'clock', 'hog', 'sum', 'trap']) {
      const bytes = new Uint8Array(readFileSync(new URL(`../../../../../tests/fixtures/wasm/${fixture}.wasm`, import.meta.url)));
      expect(findRelaxedSimd(bytesOf(bytes)), fixture).toBe(false);
    }
  });
});

describe('seeded randomness', () => {
  it('is the same for the same seed and index, in any portions, and spreads over all bytes', () => {
    const whole = new Uint8Array(10_000);
    seededBytes(5, 3)(whole);
    const parts = new Uint8Array(10_000);
    const fill = seededBytes(5, 3);
    for (let at = 0; at < parts.length; at += 100) fill(parts.subarray(at, at + 100));
    expect(parts).toEqual(whole);
    expect(new Set(whole).size).toBe(256);
  });
});
