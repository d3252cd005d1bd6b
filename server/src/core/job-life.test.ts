import { describe, expect, it } from 'vitest';
import { Scene } from '../../tests/core/scene.ts';
import type { TypeRules } from './model.ts';
import { memoryCounters } from './status.ts';

const many = (count: number) => ({ type: 'MOCK' as const, spec: {}, array: { count } });

describe('the life of a job', () => {
  it('raises seq by one per outcome that changes it, and settles each task once', () => {
    const scene = new Scene();
    const a = scene.worker({ slots: 3 });
    const job = scene.job(many(3));
    scene.place();
    for (let left = 3; left > 0; left--) scene.succeed(a);
    expect(scene.ofType('job.counted').map((fact) => [fact.seq, fact.succeeded])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(scene.settled(job).length).toBe(3);
    expect(memoryCounters(scene.fleet)).toMatchObject({ jobs: 0, tasks: 0, attempts: 0 });
  });

  it('releases a dependent in the outcome that ends its upstream', () => {
    const scene = new Scene();
    const a = scene.worker();
    const first = scene.job();
    const second = scene.job({ ...many(1), after: [first] });
    scene.place();
    expect(scene.holds(a).map((ref) => ref.task)).toEqual([`${first}.0`]);
    scene.succeed(a);
    scene.place();
    expect(scene.holds(a).map((ref) => ref.task)).toEqual([`${second}.0`]);
  });

  it('cancels dependents of a job that did not succeed, all the way down, unless they run after any end', () => {
    const scene = new Scene();
    const a = scene.worker();
    const first = scene.job();
    const second = scene.job({ ...many(2), after: [first] });
    const third = scene.job({ ...many(1), after: [second] });
    const any = scene.job({ ...many(1), afterAny: [first] });
    scene.place();
    scene.fail(a, 'MODULE_INVALID');
    expect([second, third].map((job) => scene.counts(job))).toMatchObject([
      { canceled: 2, error: { code: 'DEPENDENCY' }, endedAtMs: expect.any(Number) },
      { canceled: 1, error: { code: 'DEPENDENCY' }, endedAtMs: expect.any(Number) },
    ]);
    scene.place();
    expect(scene.holds(a).map((ref) => ref.task)).toEqual([`${any}.0`]);
  });

  it('knows the end of an upstream that came after the commit of the dependent', () => {
    const scene = new Scene();
    const a = scene.worker();
    const first = scene.job();
    scene.place();
    scene.succeed(a);
    const second = scene.job({ ...many(1), after: [first] });
    expect(
      scene
        .place()
        .holds(a)
        .map((ref) => ref.task),
    ).toEqual([`${second}.0`]);
  });

  it('cancels: results before it stand, running attempts are told, late ones are dropped', () => {
    const scene = new Scene();
    const a = scene.worker({ slots: 2 });
    const job = scene.job(many(1_000_000));
    scene.place();
    scene.succeed(a);
    const ref = scene.first(a);
    scene.start(a);
    scene.apply({ type: 'job.canceled', job, atMs: scene.wallMs });
    expect(scene.counts(job)).toMatchObject({ succeeded: 1, canceled: 999_999, endedAtMs: scene.wallMs });
    expect(scene.messages(a, 'cancel')[0]?.message).toMatchObject({ reason: 'canceled' });
    expect(scene.fleet.workers.get(a)?.used.slots).toBeGreaterThan(0);
    const facts = scene.facts.length;
    scene.succeed(a, ref);
    expect(scene.facts.length).toBe(facts);
    for (const held of scene.holds(a)) scene.release(a, held);
    expect(scene.fleet.workers.get(a)?.used.slots).toBe(0);
  });

  it('gives the room of a canceled attempt back when the worker never answers', () => {
    const scene = new Scene();
    const a = scene.worker();
    const job = scene.job();
    scene.place();
    scene.apply({ type: 'job.canceled', job, atMs: scene.wallMs });
    scene.held.set(a, []);
    scene.job();
    expect(scene.place().keys(a).length).toBeLessThanOrEqual(1);
    scene.wait(5_000);
    expect(scene.fleet.workers.get(a)?.used.slots).toBe(1);
    expect(scene.keys(a)).toEqual(['0']);
  });

  it('ends what waited too long, and what did not end in time', () => {
    const scene = new Scene();
    const waits = scene.job({ ...many(2_500), timeouts: { queueMs: 1_000 } });
    const late = scene.job({ ...many(2), timeouts: { totalMs: 2_000 } });
    scene.wait(1_500);
    expect(scene.counts(waits)).toMatchObject({ failed: 2_500, error: { code: 'QUEUE_TIMEOUT' }, endedAtMs: expect.any(Number) });
    expect(scene.counts(late)).toBeUndefined();
    scene.wait(1_000);
    expect(scene.counts(late)).toMatchObject({ canceled: 2, error: { code: 'DEADLINE' }, endedAtMs: expect.any(Number) });
  });

  it('takes a second submit event of the same job for a repetition', () => {
    const scene = new Scene();
    const a = scene.worker({ slots: 4 });
    const job = scene.job(many(2));
    const record = scene.fleet.jobs.get(job)?.record;
    if (record !== undefined) scene.apply({ type: 'job.submitted', job: record });
    expect(scene.place().keys(a)).toEqual(['0', '1']);
  });

  it('journals attempts that stay open, and only those', () => {
    const scene = new Scene();
    const a = scene.worker({ slots: 2 });
    scene.job(many(2));
    scene.place();
    scene.succeed(a);
    scene.wait(1_300);
    expect(scene.ofType('attempt.opened').map((fact) => fact.ref.task.slice(-2))).toEqual(['.1']);
  });

  it('holds a queued array of a million tasks as a range', () => {
    const scene = new Scene();
    const before = memoryCounters(scene.fleet).tasks;
    scene.job(many(1_000_000));
    expect(memoryCounters(scene.fleet).tasks).toBe(before);
  });

  it('fails with INTERNAL, alone, when its task type throws on the spec', () => {
    const throwing = () => {
      throw new Error('no such field');
    };
    const broken: TypeRules[] = [
      { alternatives: throwing, isolation: null },
      { alternatives: () => [[]], isolation: null, plan: { start: throwing, on: throwing }, isPlanned: throwing },
      { alternatives: () => [[]], isolation: null, plan: { start: throwing, on: throwing } },
    ];
    for (const rules of broken) {
      const scene = new Scene((type) => (type === 'MOCK' ? rules : undefined));
      const job = scene.job({ type: 'MOCK', spec: {}, array: { count: 3 } });
      const error = { code: 'INTERNAL', message: expect.stringContaining('no such field') };
      expect(scene.counts(job)).toMatchObject({ failed: 1, error, endedAtMs: expect.any(Number) });
      const a = scene.worker({ types: ['WASM'] });
      scene.job({ type: 'WASM', spec: {} });
      scene.place();
      expect(scene.keys(a)).toEqual(['0']);
    }
  });
});
