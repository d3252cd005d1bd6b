// The ledger against a plain model: whatever happens in whatever order, a hello declares exactly what is held, with its grants.
import type { Assignment, AttemptRef, JobHeader } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger, type Report } from './ledger.ts';

const JOB = 'job_00000000000000000000000000' as const;
const header: JobHeader = { id: JOB, owner: 'tester', trusted: false, job: { variants: [] } };
const refAt = (index: number): AttemptRef => ({ task: `${JOB}.${index}`, epoch: 1, attempt: 1 });
const assignmentAt = (index: number): Assignment => ({ ...refAt(index), variant: 0, index });
const reportAt = (index: number): Report => ({
  kind: 'failed',
  record: { ...refAt(index), code: 'TIMEOUT', message: '', exitCode: null, signal: null, log: null, usage: null },
});

const step = fc.oneof(
  fc.record({ do: fc.constant('assign' as const), indexes: fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 4 }) }),
  fc.record({ do: fc.constant('start' as const), index: fc.nat(20) }),
  fc.record({ do: fc.constant('finish' as const), index: fc.nat(20) }),
  fc.record({ do: fc.constant('forget' as const), index: fc.nat(20) }),
  fc.record({ do: fc.constant('reconcile' as const), indexes: fc.uniqueArray(fc.nat(20), { maxLength: 20 }) }),
);

describe('the ledger', () => {
  it('declares exactly what is held, each with the grant it came with', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ledger = new Ledger();
        const model = new Map<string, { state: 'offered' | 'running' | 'finished'; mac: string }>();
        steps.forEach((now, at) => {
          if (now.do === 'assign') {
            ledger.accept([header], now.indexes.map(assignmentAt), `mac${at}`, at);
            for (const index of now.indexes) if (!model.has(`${JOB}.${index}`)) model.set(`${JOB}.${index}`, { state: 'offered', mac: `mac${at}` });
          } else if (now.do === 'reconcile') {
            const kept = new Set<string>(now.indexes.map((index) => refAt(index).task));
            const dropped = ledger.reconcile(now.indexes.map(refAt));
            expect(dropped.map(({ ref }) => ref.task).sort()).toEqual([...model.keys()].filter((task) => !kept.has(task)).sort());
            for (const task of [...model.keys()]) if (!kept.has(task)) model.delete(task);
          } else {
            const held = ledger.get(refAt(now.index));
            const known = model.get(`${JOB}.${now.index}`);
            expect(held === undefined).toBe(known === undefined);
            if (held === undefined || known === undefined) return;
            if (now.do === 'start') ledger.start(held, at);
            if (now.do === 'finish') ledger.finish(held, reportAt(now.index), at);
            if (now.do === 'forget') ledger.forget(held.ref);
            if (now.do === 'forget') model.delete(held.ref.task);
            else known.state = now.do === 'start' ? 'running' : 'finished';
          }
        });
        const { holding, grants } = ledger.declare();
        expect(Object.fromEntries(holding.map(({ task, state }) => [task, state]))).toEqual(
          Object.fromEntries([...model].map(([task, { state }]) => [task, state])),
        );
        expect(new Set(grants.map(({ mac }) => mac))).toEqual(new Set([...model.values()].map(({ mac }) => mac)));
        for (const { task } of holding) expect(grants.some((grant) => grant.attempts.some((attempt) => attempt.task === task))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('takes an assignment that comes twice once', () => {
    const ledger = new Ledger();
    expect(ledger.accept([header], [assignmentAt(1)], 'a', 0)).toHaveLength(1);
    expect(ledger.accept([header], [assignmentAt(1)], 'a', 0)).toHaveLength(0);
  });
});
