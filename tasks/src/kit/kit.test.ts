// What holds for every task type: registries and contracts fit together, and expansion of an envelope loses nothing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type Entry, expandTask, type JobSpec, normalizeJob, substitute, TASK_TYPES } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { browserExecutors, isBrowserTaskType } from '../browser.ts';
import { isPlanned, parseSpec, taskTypeOf, taskTypes } from '../index.ts';
import { isNativeTaskType, nativeExecutors } from '../native.ts';

const types = Object.values(taskTypes);

describe('the registries', () => {
  it('name each type after itself, and every executor has a contract', () => {
    for (const [name, taskType] of Object.entries(taskTypes)) expect(taskType.type).toBe(name);
    for (const name of [...Object.keys(browserExecutors), ...Object.keys(nativeExecutors)]) expect(taskTypes).toHaveProperty(name);
    expect(isBrowserTaskType('NATIVE_EXEC')).toBe(false);
    expect(isNativeTaskType('NATIVE_EXEC')).toBe(true);
    expect(isBrowserTaskType('toString')).toBe(false);
  });

  it('refuse a type that has not landed, and say which have', () => {
    const missing = TASK_TYPES.find((name) => taskTypes[name] === undefined);
    if (missing !== undefined) expect(() => taskTypeOf(missing)).toThrow('has not landed');
    expect(taskTypeOf('WASM').summary).toMatch(/\.$/);
  });

  it('stand for complete folders', () => {
    const folder = new URL('../types/', import.meta.url);
    for (const name of readdirSync(folder)) {
      for (const file of ['task.ts', 'task.test.ts', 'README.md', 'vectors.json'])
        expect(existsSync(new URL(`${name}/${file}`, folder)), `${name}/${file}`).toBe(true);
      expect(existsSync(new URL(`${name}/browser.ts`, folder)) || existsSync(new URL(`${name}/native.ts`, folder)), name).toBe(true);
    }
    expect(readdirSync(folder).length).toBe(types.length);
  });

  it('describe a task to a donor in one sentence or two, never with a digest', () => {
    const job = normalizeJob({ type: 'WASM', spec: {} });
    const spec = parseSpec(taskTypeOf('WASM'), { module: `sha256:${'a'.repeat(64)}` });
    expect(taskTypeOf('WASM').describe(spec, job)).toMatch(/^[A-Z].*\.$/);
    expect(taskTypeOf('WASM').describe(spec, job)).not.toContain('sha256');
  });

  it('load no executor and no engine with the contracts', () => {
    const sources = readFileSync(new URL('../index.ts', import.meta.url), 'utf8');
    expect(sources).not.toMatch(/engine\/|browser\.ts|native\.ts/);
  });
});

describe('an array', () => {
  const range = (count: number): JobSpec => normalizeJob({ type: 'WASM', spec: { args: ['${index}', '${count}'] }, array: { count } });

  it('covers its range once whatever the cut, and merges back in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.constantFrom(1, 4, 37), (count, pieces) => {
        const job = range(count);
        const size = Math.ceil(count / pieces);
        const merged = Array.from({ length: pieces }, (_, piece) => Array.from({ length: count }, (_, index) => index).slice(piece * size, (piece + 1) * size))
          .flat()
          .map((index) => expandTask(job, 0, index, null).spec['args']);
        expect(merged).toEqual(Array.from({ length: count }, (_, index) => [String(index), String(count)]));
      }),
    );
  });
});

describe('expansion of an envelope', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,10}$/).filter((candidate) => candidate !== '__proto__');
  const plain = fc.string({ maxLength: 30 }).filter((text) => !text.includes('${') && !text.includes('\0'));

  it('gives text without placeholders back as it was, and is idempotent on its result', () => {
    fc.assert(
      fc.property(fc.array(plain, { maxLength: 6 }), fc.dictionary(name, plain, { noNullPrototype: true }), fc.nat({ max: 1_000 }), (args, entry, index) => {
        const job = normalizeJob({ type: 'WASM', spec: { args, code: '${index}', module: 'x' }, array: { count: 2_000 } });
        const once = expandTask(job, 0, index, entry as Entry);
        expect(once.spec).toEqual({ args, code: '${index}', module: 'x' });
        const again = expandTask({ ...job, variants: [{ type: 'WASM', spec: once.spec, requires: [] }] }, 0, index, entry as Entry);
        expect(again.spec).toEqual(once.spec);
      }),
    );
  });

  it('puts each value where it was asked for', () => {
    fc.assert(
      fc.property(fc.dictionary(name, fc.oneof(plain, fc.integer()), { minKeys: 1, noNullPrototype: true }), fc.nat(), fc.nat(), (entry, index, count) => {
        const scope = { index, count, entry };
        for (const [key, value] of Object.entries(entry))
          expect(substitute(`<\${entry.${key}}|\${index}|\${count}>`, scope)).toBe(`<${value}|${index}|${count}>`);
        expect(() => substitute('${entry.no such}', scope)).toThrow('not known');
        expect(() => substitute('${1+1}', scope)).toThrow('not known');
      }),
    );
  });

  it('reaches fields and overrides of kernels, and leaves code alone', () => {
    const job = normalizeJob({
      type: 'WGSL_KERNEL',
      spec: { code: '${index}', overrides: { n: '${index}' }, bindings: [{ fields: [{ name: 'x', value: '${entry.x}' }] }] },
      array: { entries: [{ x: 5 }] },
    });
    expect(expandTask(job, 0, 0, { x: 5 }).spec).toEqual({ code: '${index}', overrides: { n: '0' }, bindings: [{ fields: [{ name: 'x', value: '5' }] }] });
  });

  it('keeps a plan out of jobs that have none', () => {
    for (const taskType of types) if (taskType?.type !== 'MOCK' && taskType !== undefined) expect(isPlanned(taskType, {})).toBe(false);
  });
});
