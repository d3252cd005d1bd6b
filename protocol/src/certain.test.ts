// A certain yes is never wrong: whatever it takes, the schema takes too and gives back unchanged. And it is not idle: it takes
// what really travels.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { certainlyFits, fromWorkerSchema, jobSchema, makeId, parseQuickly, toWorkerSchema } from './index.ts';

const job = makeId('job', 1, new Uint8Array(10));
const ref = { task: `${job}.0`, epoch: 1, attempt: 1 };
const usage = { wallMs: 1.5, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: { node: '20' } };
const samples: readonly (readonly [z.core.$ZodType, unknown])[] = [
  [fromWorkerSchema, { type: 'report', started: [ref], succeeded: [{ ...ref, value: [1], outputs: {}, exitCode: 0, log: null, usage }] }],
  [fromWorkerSchema, { type: 'intent', intent: 'drain', reason: 'asked' }],
  [toWorkerSchema, { type: 'ack', attempts: [ref] }],
  [toWorkerSchema, { type: 'assign', jobs: [{ id: job, owner: 'me', trusted: true, job: { a: 1 } }], tasks: [{ ...ref, variant: 0, index: 0 }], mac: 'x' }],
  [jobSchema, { type: 'MOCK', spec: { runMs: 0 }, resources: { cpus: 0 }, labels: { a: 'b' }, idempotencyKey: 'k' }],
  [jobSchema, { variants: [{ type: 'WASM', spec: {} }], array: { count: 3 }, requires: [{ attr: 'os.name', op: 'in', value: ['linux'] }] }],
];

/** The value with one place changed: another value, a key more, a key less. */
function mutated(value: unknown, path: readonly number[], put: unknown): unknown {
  if (typeof value !== 'object' || value === null || path.length === 0) return put;
  const [step = 0, ...rest] = path;
  const keys = Object.keys(value);
  const key = keys[step % (keys.length + 1)];
  if (Array.isArray(value)) return key === undefined ? [...value, put] : value.map((item, at) => (String(at) === key ? mutated(item, rest, put) : item));
  const record = value as Record<string, unknown>;
  if (key === undefined) return { ...record, [rest[0] === undefined ? 'more' : '__proto__x']: put };
  if (put === undefined && rest.length === 0) return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
  return { ...record, [key]: mutated(record[key], rest, put) };
}

describe('certainlyFits', () => {
  it('takes what travels', () => {
    for (const [schema, value] of samples) expect(certainlyFits(schema)(value)).toBe(true);
  });

  it('takes nothing that the schema refuses or changes', () => {
    const values = fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.double(), fc.constantFrom('', 'x'.repeat(5_000), -1, 1.5, 2 ** 60, [], {}));
    fc.assert(
      fc.property(fc.nat(samples.length - 1), fc.array(fc.nat(12), { minLength: 1, maxLength: 6 }), values, (at, path, put) => {
        const [schema, value] = samples[at] as (typeof samples)[number];
        const candidate = mutated(value, path, put);
        const parsed = z.safeParse(schema, candidate);
        if (certainlyFits(schema)(candidate)) expect(parsed).toEqual({ success: true, data: candidate });
        expect(parseQuickly(schema, candidate).success).toBe(parsed.success);
      }),
      { numRuns: 3_000 },
    );
  });

  it('leaves to the schema what fills in, drops or transforms', () => {
    const filling = z.strictObject({ a: z._default(z.number(), 1) });
    for (const schema of [z.object({ a: z.number() }), z.looseObject({ a: z.number() }), filling, z.pipe(z.string(), z.transform(Number))])
      expect(certainlyFits(schema)({ a: 1 })).toBe(false);
    expect(parseQuickly(filling, {})).toEqual({ success: true, data: { a: 1 } });
  });

  it('does not take keys that reach the prototype', () => {
    const record = z.record(z.string(), z.number());
    expect(certainlyFits(record)(JSON.parse('{"__proto__":1}'))).toBe(false);
    expect(certainlyFits(record)(Object.create({ a: 1 }))).toBe(false);
  });
});
