import type { Plan, PlanEvent } from '@udcs/tasks';
import { describe, expect, it } from 'vitest';
import { Scene } from '../../tests/core/scene.ts';
import type { TypeLookup } from './model.ts';

interface State {
  readonly seen: number;
}

/** probe → two chunks → join. */
const mapAndJoin: Plan = {
  start: () => ({ state: { seen: 0 }, add: [{ key: 'probe', spec: { step: 'probe' } }], cancel: [], done: false }),
  on: (_job, state, event) => {
    const seen = (state as State).seen + (event.kind === 'settled' ? 1 : 0);
    if (event.kind === 'settled' && event.key === 'probe')
      return { state: { seen }, add: [0, 1].map((at) => ({ key: `chunk-${at}`, spec: { at, of: event.value } })), cancel: [], done: false };
    if (seen === 3) return { state: { seen }, add: [{ key: 'join', spec: {} }], cancel: [], done: true };
    return { state: { seen }, add: [], cancel: [], done: false };
  },
};

const withPlan =
  (plan: Plan): TypeLookup =>
  () => ({ alternatives: () => [[]], isolation: null, plan });
const planned = { type: 'MOCK' as const, spec: {} };

describe('plans', () => {
  it('add pieces as others settle, and end the job with the last', () => {
    const scene = new Scene(withPlan(mapAndJoin));
    const a = scene.worker({ slots: 4 });
    const job = scene.job(planned);
    const order: string[] = [];
    for (let step = 0; step < 4; step++) {
      scene.place();
      order.push(...scene.keys(a));
      while (scene.keys(a).length > 0) scene.succeed(a, scene.first(a), 5, 'value');
    }
    expect(order).toEqual(['probe', 'chunk-0', 'chunk-1', 'join']);
    expect(scene.counts(job)).toMatchObject({ total: 4, succeeded: 4, endedAtMs: expect.any(Number) });
  });

  it('leave their step in the outcome of the settlement that caused it, under the same seq', () => {
    const scene = new Scene(withPlan(mapAndJoin));
    const a = scene.worker();
    scene.job(planned);
    scene.place();
    const { facts } = scene.succeed(a, scene.first(a), 5, 7);
    expect(facts.map((fact) => [fact.type, 'seq' in fact ? fact.seq : null])).toEqual([
      ['task.settled', 2],
      ['plan.stepped', 2],
      ['job.counted', 2],
    ]);
    expect(facts[1]).toMatchObject({
      added: [
        { key: 'chunk-0', index: 1, spec: { at: 0, of: 7 } },
        { key: 'chunk-1', index: 2 },
      ],
    });
  });

  it('send the spec of the piece with its assignment', () => {
    const scene = new Scene(withPlan(mapAndJoin));
    const a = scene.worker();
    scene.job(planned);
    scene.place();
    expect(scene.held.get(a)?.[0]).toMatchObject({ index: 0, spec: { step: 'probe' } });
  });

  it('wake when they asked for it', () => {
    const rounds: Plan = {
      start: () => ({ state: 0, add: [], cancel: [], wakeAfterMs: 1_000, done: false }),
      on: (_job, _state, event: PlanEvent) => ({ state: 1, add: event.kind === 'woke' ? [{ key: 'round', spec: {} }] : [], cancel: [], done: true }),
    };
    const scene = new Scene(withPlan(rounds));
    const a = scene.worker();
    scene.job(planned);
    scene.wait(900);
    expect(scene.keys(a)).toEqual([]);
    scene.wait(200);
    expect(scene.keys(a)).toEqual(['round']);
  });

  it('cancel pieces they no longer need', () => {
    const race: Plan = {
      start: () => ({ state: 0, add: ['a', 'b'].map((key) => ({ key, spec: {} })), cancel: [], done: false }),
      on: () => ({ state: 1, add: [], cancel: ['b'], done: true }),
    };
    const scene = new Scene(withPlan(race));
    const a = scene.worker();
    const job = scene.job(planned);
    scene.place();
    scene.succeed(a);
    expect(scene.settled(job)).toEqual(['a:succeeded', 'b:canceled:CANCELED']);
    expect(scene.counts(job)).toMatchObject({ succeeded: 1, canceled: 1, endedAtMs: expect.any(Number) });
  });

  it('that throw, repeat a key or get stuck end their job as failed, never as a success', () => {
    const empty = { state: null, add: [], cancel: [], done: false };
    const broken: Plan[] = [
      {
        start: () => {
          throw new Error('boom');
        },
        on: () => empty,
      },
      {
        start: () => ({
          ...empty,
          add: [
            { key: 'x', spec: {} },
            { key: 'x', spec: {} },
          ],
        }),
        on: () => empty,
      },
      { start: () => empty, on: () => empty },
    ];
    for (const plan of broken) {
      const scene = new Scene(withPlan(plan));
      const job = scene.job(planned);
      expect(scene.counts(job)).toMatchObject({ failed: 1, error: { code: 'INTERNAL' }, endedAtMs: expect.any(Number) });
    }
  });

  it('hear of pieces that settle together before anybody asks whether they are stuck', () => {
    const scene = new Scene(withPlan(mapAndJoin));
    const a = scene.worker({ slots: 4 });
    const job = scene.job(planned);
    scene.place();
    scene.succeed(a);
    scene.place();
    const usage = { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} };
    const succeeded = scene.holds(a).map((ref) => ({ ...ref, value: null, outputs: {}, exitCode: 0, log: null, usage }));
    expect(succeeded).toHaveLength(2);
    scene.held.set(a, []);
    scene.apply({ type: 'worker.reported', worker: a, report: { succeeded } });
    scene.place();
    expect(scene.keys(a)).toEqual(['join']);
    scene.succeed(a);
    expect(scene.counts(job)).toMatchObject({ succeeded: 4, failed: 0, endedAtMs: expect.any(Number) });
  });

  it('are left alone by jobs whose type does not plan them: an array of any size stays plain', () => {
    const types: TypeLookup = () => ({
      alternatives: () => [[]],
      isolation: null,
      plan: mapAndJoin,
      isPlanned: (spec) => (spec as { plan?: unknown }).plan !== undefined,
    });
    const scene = new Scene(types);
    const a = scene.worker();
    scene.job({ ...planned, array: { count: 20_000 } });
    scene.place();
    expect(scene.held.get(a)?.[0]).toMatchObject({ index: 0 });
    expect(scene.ofType('plan.stepped')).toEqual([]);
  });

  it('of a canceled job ask for nothing more', () => {
    const scene = new Scene(withPlan(mapAndJoin));
    const job = scene.job(planned);
    scene.apply({ type: 'job.canceled', job, atMs: scene.wallMs });
    expect(scene.counts(job)).toMatchObject({ total: 1, canceled: 1, endedAtMs: expect.any(Number) });
  });
});
