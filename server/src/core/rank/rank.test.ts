import type { WorkerId } from '@udcs/protocol';
import { describe, expect, it } from 'vitest';
import { Scene } from '../../../tests/core/scene.ts';

/** Runs a job over workers that take `msOf` per task, in simulated time. Returns how many tasks each one did, and the end. */
function race(scene: Scene, msOf: ReadonlyMap<WorkerId, number>, total: number): { readonly done: Map<WorkerId, number>; readonly tookMs: number } {
  const done = new Map([...msOf.keys()].map((worker) => [worker, 0]));
  const endsAt = new Map<WorkerId, number>();
  const from = scene.monoMs;
  scene.place();
  for (let settled = 0; settled < total; ) {
    for (const [worker, ms] of msOf) {
      if (!endsAt.has(worker) && scene.holds(worker).length > 0) {
        scene.start(worker);
        endsAt.set(worker, scene.monoMs + ms);
      }
      if ((endsAt.get(worker) ?? Number.POSITIVE_INFINITY) > scene.monoMs) continue;
      endsAt.delete(worker);
      scene.succeed(worker, scene.first(worker), ms);
      done.set(worker, (done.get(worker) ?? 0) + 1);
      settled++;
    }
    for (const { to, message } of scene.sends.splice(0)) if (message.type === 'revoke') for (const ref of message.attempts) scene.release(to, ref);
    scene.wait(10);
    if (scene.monoMs - from > 10_000_000) throw new Error('never ends');
  }
  return { done, tookMs: scene.monoMs - from };
}

describe('ranking', () => {
  it('does not give the last tasks to a worker ten times slower', () => {
    const scene = new Scene();
    const [fast, slow] = [scene.worker({ attributes: { 'speed.wasm': 10_000 } }), scene.worker({ attributes: { 'speed.wasm': 1_000 } })];
    scene.job({ type: 'MOCK', spec: {}, array: { count: 44 } });
    const { done, tookMs } = race(
      scene,
      new Map([
        [fast, 200],
        [slow, 2_000],
      ]),
      44,
    );
    // 44 tasks at 5.5 a second take 8 s; a last task on the slow one would cost up to 2 s more.
    expect(tookMs).toBeLessThan(9_000);
    expect(done.get(slow)).toBeLessThanOrEqual(4);
    expect(done.get(slow)).toBeGreaterThan(0);
  });

  it('gives a machine that others keep busy at most 60 % of the tasks of an idle one', () => {
    const scene = new Scene();
    const [free, busy] = [scene.worker(), scene.worker({ load: { cpuOthers: 1 } })];
    scene.job({ type: 'MOCK', spec: {}, array: { count: 100 } });
    const { done } = race(
      scene,
      new Map([
        [free, 100],
        [busy, 100],
      ]),
      100,
    );
    expect((done.get(busy) ?? 0) / (done.get(free) ?? 1)).toBeLessThanOrEqual(0.6);
    expect(done.get(busy)).toBeGreaterThan(5);
  });

  it('uses fewer slots of a machine that others keep busy', () => {
    const scene = new Scene();
    const [free, busy] = [scene.worker({ slots: 4 }), scene.worker({ slots: 4, load: { cpuOthers: 1 } })];
    scene.job({ type: 'MOCK', spec: {}, array: { count: 100 }, timeouts: { executionMs: 1_000 } });
    scene.place();
    expect([free, busy].map((worker) => scene.fleet.workers.get(worker)?.used.slots)).toEqual([4, 1]);
  });

  it('prefers the worker that holds the inputs', () => {
    const digest = `sha256:${'ab'.repeat(32)}` as const;
    const scene = new Scene();
    const cold = scene.worker();
    const warm = scene.worker({ cached: [digest] });
    scene.job({ type: 'MOCK', spec: {}, inputs: [{ name: 'a', source: { digest } }] });
    scene.place();
    expect([scene.keys(cold), scene.keys(warm)]).toEqual([[], ['0']]);
  });

  it('follows soft wishes', () => {
    const scene = new Scene();
    const plain = scene.worker();
    const wished = scene.worker({ attributes: { 'gpu.vendor': 'nvidia' } });
    scene.job({ type: 'MOCK', spec: {}, prefers: [{ attr: 'gpu.vendor', op: '=', value: 'nvidia', weight: 50 }] });
    scene.place();
    expect([scene.keys(plain), scene.keys(wished)]).toEqual([[], ['0']]);
  });
});
