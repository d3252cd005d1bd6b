import type { JobView } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshest, jobChanges } from './fold.ts';

const jobAt = (number: number, seq: number): JobView => ({
  id: `job_${number}`,
  name: '',
  owner: 'o',
  types: ['WASM'],
  state: 'running',
  counts: { total: 1, succeeded: 0, failed: 0, canceled: 0, active: 0 },
  priority: 50,
  labels: {},
  seq,
  submittedAtMs: number,
  startedAtMs: null,
  endedAtMs: null,
  canceledAtMs: null,
  repeatedAttempts: 0,
  error: null,
});
const change = fc.array(fc.tuple(fc.nat(20), fc.nat(50)), { maxLength: 5 }).map((jobs) => ({ jobs: jobs.map(([number, seq]) => jobAt(number, seq)) }));

describe('the job list, live', () => {
  it('shows the newest of whatever came, in whatever order it came', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const after = changes.reduce(jobChanges.fold, jobChanges.initial);
        for (const { jobs } of changes) for (const job of jobs) expect(after.get(job.id)?.seq).toBeGreaterThanOrEqual(job.seq);
      }),
    );
  });

  it('never grows past its bound', () => {
    const many = { jobs: Array.from({ length: 3_000 }, (_, number) => jobAt(number, 1)) };
    expect(jobChanges.fold(jobChanges.initial, many).size).toBe(1_000);
  });

  it('prefers the fresher of what was listed and what was told, newest first', () => {
    const told = jobChanges.fold(jobChanges.initial, { jobs: [jobAt(1, 9), jobAt(2, 1)] });
    expect(freshest([jobAt(1, 3), jobAt(2, 4)], told).map((job) => [job.id, job.seq])).toEqual([
      ['job_2', 4],
      ['job_1', 9],
    ]);
  });
});
