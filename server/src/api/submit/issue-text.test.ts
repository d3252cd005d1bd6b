// The words people get for wrong input.
import { api, jobSchema, normalizeJob, UdcsError } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJob, canonicalJson, payloadHash } from './canonical-hash.ts';
import { parseForPeople } from './issue-text.ts';
import { jobOf } from './retry-job.ts';

const told = (value: unknown): UdcsError => {
  try {
    parseForPeople(jobSchema, value, 'job');
  } catch (thrown) {
    if (thrown instanceof UdcsError) return thrown;
  }
  throw new Error('it was accepted');
};

describe('words for wrong input', () => {
  it.each([
    [{ type: 'WASM', spec: {}, inptus: [] }, 'job: unknown key "inptus"', 'did you mean "inputs"?'],
    [{ type: 'WASM', spec: {}, timeouts: { executionsMs: 1 } }, 'job.timeouts: unknown key "executionsMs"', 'did you mean "executionMs"?'],
    [{ type: 'WASM', spec: {}, array: { cuont: 3 } }, 'job.array: unknown key "cuont"', 'did you mean "count"?'],
    [{ type: 'WASM', spec: {}, inputs: [{ name: 'a', source: { digset: 'x' } }] }, 'job.inputs[0].source: unknown key "digset"', 'did you mean "digest"?'],
    [{ type: 'WASM', spec: {}, zzzzzzzz: 1, name: 3 }, expect.stringContaining('job.name: expected string'), expect.stringContaining('known keys are')],
    [{ type: 'WASM', spec: {}, priority: 1.5 }, 'job.priority: expected int, received number', undefined],
    [null, 'job: expected object, received null', undefined],
    [[], 'job: expected object, received array', undefined],
  ])('%j', (value, message, hint) => {
    const error = told(value);
    expect(error.message).toEqual(message);
    expect(error.hint).toEqual(hint);
  });

  it('name at most three mistakes and count the rest', () => {
    expect(told({ type: 'WASM', spec: {}, name: 1, priority: 'x', labels: 3, deadlineAtMs: 'x', after: 1 }).message).toMatch(/; and 2 more$/);
  });

  it('never throw anything but words, whatever comes in', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(api)), fc.anything({ withDate: true, withMap: true, withNullPrototype: true }), (row, value) => {
        try {
          parseForPeople(row.input, value);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(UdcsError);
          expect((thrown as UdcsError).message).not.toBe('');
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the meaning of a job', () => {
  const json = fc.jsonValue();
  const shuffled = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(shuffled)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, item]) => [key, shuffled(item)]),
          )
        : value;

  it('does not depend on the order of keys', () => {
    fc.assert(fc.property(json, (value) => canonicalJson(value) === canonicalJson(shuffled(value))));
  });

  it('is told apart when any value differs, and keeps the key out', () => {
    fc.assert(
      fc.property(
        json,
        json,
        (a, b) => (canonicalJson(a) === canonicalJson(b)) === (canonicalJson(JSON.parse(JSON.stringify(a))) === canonicalJson(JSON.parse(JSON.stringify(b)))),
      ),
    );
    const job = { type: 'WASM' as const, spec: { a: 1 } };
    const hashOf = (one: Parameters<typeof canonicalJob>[0]) => payloadHash(canonicalJob(one));
    expect(hashOf({ ...job, idempotencyKey: 'x' })).toBe(hashOf({ ...job, idempotencyKey: 'y' }));
    expect(hashOf(job)).not.toBe(hashOf({ ...job, spec: { a: 2 } }));
  });

  it('survives being written down and submitted again', () => {
    const jobs = [
      { type: 'WASM' as const, spec: { module: 'x' } },
      {
        variants: [{ type: 'WASM' as const, spec: {}, requires: [{ attr: 'arch', op: '=' as const, value: 'x64' }] }],
        array: { count: 7 },
        outputs: [{ name: 'o' }],
        labels: { a: 'b' },
        priority: 3,
        maxFailures: 0,
      },
      {
        type: 'WASM' as const,
        spec: {},
        array: { entries: [{ a: 1 }, { a: 2 }] },
        inputs: [{ name: 'i', source: { job: 'job_00000000000000000000000000' as const, output: 'o' } }],
      },
    ];
    for (const job of jobs) expect(normalizeJob(parseForPeople(jobSchema, JSON.parse(JSON.stringify(jobOf(normalizeJob(job))))))).toEqual(normalizeJob(job));
  });
});
