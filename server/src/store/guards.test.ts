// The guards against a model: random facts, legal and not, from any past of any job, over the real database.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobId } from '@udcs/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fact } from '../core/seam.ts';
import { counted, settled, submitRow } from './fixture.ts';
import { openWriter } from './open-store.ts';
import type { WriterQueue } from './writer-queue.ts';

const TASKS = 4;
let dataDir: string;
let writer: WriterQueue;
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'udcs-guards-'));
  writer = await openWriter({
    dataDir,
    onFatal: (error) => {
      throw error;
    },
  });
});
afterAll(async () => {
  await writer.close();
  rmSync(dataDir, { recursive: true, force: true });
});

type State = 'succeeded' | 'failed' | 'canceled';
type Step =
  | { readonly do: 'settle'; readonly index: number; readonly state: State; readonly counts: boolean }
  | { readonly do: 'cancel' }
  /** A settlement that the database has already, sent again as after a broken commit. */
  | { readonly do: 'repeat' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      index: fc.nat(TASKS - 1),
      state: fc.constantFrom<State>('succeeded', 'failed', 'canceled'),
      counts: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'cancel' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'repeat' as const }) },
);

test('a task ends once, a cancel mark bars results behind it, and counters never include what was refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), async (groups) => {
      const row = submitRow({ count: TASKS, isArray: true });
      await writer.submit([row]);
      const job: JobId = row.job.id;
      const model = new Map<number, State>();
      const written: Extract<Fact, { type: 'task.settled' }>[] = [];
      let canceled = false;
      let seq = 0;
      for (const group of groups) {
        const facts: Fact[] = [];
        const refused: Fact[] = [];
        for (const one of group) {
          if (one.do === 'cancel') {
            if (facts.length > 0) continue; // its own group: facts of one group come before its cancels
            expect(await writer.cancel(job, 1)).toEqual({ canceled: true });
            canceled = true;
          } else if (one.do === 'repeat') {
            const before = written.at(-1);
            if (before !== undefined) facts.push(before);
          } else {
            seq += 1;
            const fact = settled(job, one.index, seq, { state: one.state });
            facts.push(fact);
            if (model.has(one.index) || (canceled && one.state !== 'canceled')) refused.push(fact);
            else {
              model.set(one.index, one.state);
              written.push(fact);
            }
          }
        }
        expect(await writer.write(facts)).toEqual(refused);
      }
      const of = (state: State): number => [...model.values()].filter((one) => one === state).length;
      const [snapshot] = await writer.reload([job]);
      expect(snapshot).toMatchObject({ succeeded: of('succeeded'), failed: of('failed'), canceled: of('canceled') });
      expect(snapshot?.settled.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => from + at))).toEqual([...model.keys()].sort());
      const wrong = counted(job, seq + 1, { total: TASKS, succeeded: of('succeeded') + 1, failed: of('failed'), canceled: of('canceled') });
      const right = { ...wrong, seq: seq + 2, succeeded: of('succeeded') };
      expect(await writer.write([wrong])).toEqual([wrong]);
      expect(await writer.write([right])).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
