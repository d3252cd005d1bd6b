// The parts of the CLI that need no process: words for people, job text, shader declarations, lines out of pieces.
import { UdcsError } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJobText } from './job-file.ts';
import { LineAssembler } from './line-assembler.ts';
import { bindingsOf, shaderVariables } from './shader-bindings.ts';
import { bytesText, durationText, parseCount, parseDurationMs } from './words.ts';

describe('words', () => {
  it('say sizes and times with their units', () => {
    expect([0, 999, 1_500, 100_000_000, 5e12].map(bytesText)).toEqual(['0 B', '999 B', '1.5 kB', '100 MB', '5 TB']);
    expect([12, 4_250, 59_400, 60_000, 90_500, 3_600_000, 90_000_000].map(durationText)).toEqual([
      '12 ms',
      '4.3 s',
      '59 s',
      '1 min',
      '1 min 31 s',
      '1 h',
      '1 d 1 h',
    ]);
  });

  it('are understood back', () => {
    expect(['500ms', '30', '30s', '5m', '1.5h', '7d'].map(parseDurationMs)).toEqual([500, 30_000, 30_000, 300_000, 5_400_000, 604_800_000]);
    for (const wrong of ['', 'soon', '-1s', '1y', '5 5']) expect(() => parseDurationMs(wrong), wrong).toThrow(UdcsError);
    for (const wrong of ['0', '-1', '1.5', 'x', '1e99']) expect(() => parseCount(wrong, 'n'), wrong).toThrow(UdcsError);
  });
});

describe('job text', () => {
  it('is read the same as YAML and as JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue()), (job) => {
        const text = JSON.stringify(job);
        expect(parseJobText(text, 'j')).toEqual(JSON.parse(text));
      }),
    );
  });

  it('says line and column of a mistake and never anything but a UdcsError', () => {
    expect(() => parseJobText('type: MOCK\nspec: {\n  a: 1\n  b: 2 }\n', 'job.yaml')).toThrow(/^job\.yaml:\d+:\d+: /);
    expect(() => parseJobText('type: A\ntype: B\n', 'job.yaml')).toThrow(/^job\.yaml:2:1: .*unique/);
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        try {
          parseJobText(text, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(UdcsError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not unfold a bomb of aliases', () => {
    const bomb = [
      'a0: &a0 [x,x,x,x,x,x,x,x,x]',
      ...Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(',')}]`),
    ].join('\n');
    expect(() => parseJobText(bomb, 'bomb.yaml')).toThrow(UdcsError);
  });
});

describe('shader declarations', () => {
  const code = `// @group(9) @binding(9) var<storage> hidden: array<f32>;
    @group(0) @binding(1) var<storage, read_write> out: array<f32>;
    @binding(0) @group(0) var<storage, read> left : array<f32>;
    @group(1) @binding(2) var<uniform> params: Params;
    var<workgroup> shared_: array<f32, 64>;`;

  it('are found in any order and not in comments', () => {
    expect(shaderVariables(code)).toEqual([
      { name: 'out', group: 0, binding: 1, kind: 'storage' },
      { name: 'left', group: 0, binding: 0, kind: 'read-storage' },
      { name: 'params', group: 1, binding: 2, kind: 'uniform' },
    ]);
  });

  it('become bindings, each filled or read back', () => {
    const variables = shaderVariables(code);
    expect(bindingsOf(variables, new Set(['left', 'params']), new Map([['out', 'f32:4x4']]), 's.wgsl')[0]).toEqual({
      group: 0,
      binding: 1,
      kind: 'storage',
      output: 'out',
      dtype: 'f32',
      shape: [4, 4],
    });
    expect(() => bindingsOf(variables, new Set(['left']), new Map([['out', 'f32:4']]), 's.wgsl')).toThrow('"params" of s.wgsl is neither');
    expect(() => bindingsOf(variables.slice(1), new Set(['params']), new Map([['left', 'f32:4']]), 's.wgsl')).toThrow('can not be read back');
  });
});

describe('lines', () => {
  it('come out whole however the pieces were cut', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-c]{0,5}$/), { maxLength: 8 }), fc.array(fc.nat(60), { maxLength: 8 }), (lines, cuts) => {
        const text = lines.map((line) => `${line}\n`).join('');
        const told: string[] = [];
        const assembler = new LineAssembler((_task, line) => told.push(line));
        const at = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        for (let piece = 1; piece < at.length; piece++) assembler.add('t', 'stdout', text.slice(at[piece - 1], at[piece]));
        assembler.flush();
        expect(told).toEqual(lines);
      }),
    );
  });

  it('of two streams are not mixed, and the last unfinished one is shown', () => {
    const told: string[] = [];
    const assembler = new LineAssembler((task, line) => told.push(`${task}:${line}`));
    assembler.add('a', 'stdout', 'one ');
    assembler.add('b', 'stdout', 'other\n');
    assembler.add('a', 'stdout', 'line\nrest');
    assembler.flush();
    expect(told).toEqual(['b:other', 'a:one line', 'a:rest']);
  });
});
