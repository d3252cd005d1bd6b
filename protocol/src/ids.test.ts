import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { jobIdSchema, makeId, splitTaskId, taskIdOf, taskIdSchema } from './index.ts';

const random = fc.uint8Array({ minLength: 10, maxLength: 10 });
const wallMs = fc.integer({ min: 0, max: 2 ** 47 });

it('every id it makes passes the schema', () => {
  fc.assert(fc.property(wallMs, random, (at, bytes) => jobIdSchema.safeParse(makeId('job', at, bytes)).success));
});

it('ids sort by their birth', () => {
  fc.assert(
    fc.property(wallMs, fc.integer({ min: 1, max: 1_000_000 }), random, random, (at, later, a, b) => {
      expect(makeId('job', at, a) < makeId('job', at + later, b)).toBe(true);
    }),
  );
});

it('a task id splits into the job and the key it was made of', () => {
  fc.assert(
    fc.property(wallMs, random, fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/), (at, bytes, key) => {
      const jobId = jobIdSchema.parse(makeId('job', at, bytes));
      expect(splitTaskId(taskIdOf(jobId, key))).toEqual({ jobId, key });
      expect(taskIdSchema.safeParse(taskIdOf(jobId, key)).success).toBe(true);
    }),
  );
});
