import { normalizeJob } from '@udcs/protocol';
import { describe, expect, it } from 'vitest';
import { idle, Scene } from '../../tests/core/scene.ts';
import { apply, createFleet, place } from './index.ts';

const many = (count: number) => ({ type: 'MOCK' as const, spec: {}, array: { count } });

describe('placing', () => {
  it('gives each free slot one task before anybody holds work in advance', () => {
    const scene = new Scene();
    const [a, b] = [scene.worker(), scene.worker()];
    scene.job(many(2));
    scene.place();
    expect([scene.keys(a).length, scene.keys(b).length]).toEqual([1, 1]);
  });

  it('lets a worker hold one task in advance while its speed is unknown', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.job(many(10));
    scene.place();
    expect(scene.keys(a)).toEqual(['0', '1']);
  });

  it('holds 100 ms of work in advance once the time of a task is known', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.job(many(100));
    scene.place();
    scene.wait(10);
    scene.succeed(a, scene.first(a), 10);
    scene.place();
    expect(scene.keys(a).length).toBe(11);
  });

  it('serves the higher priority first', () => {
    const scene = new Scene();
    scene.job({ ...many(1), priority: 10 });
    const urgent = scene.job({ ...many(1), priority: 90 });
    const a = scene.worker({ cpus: 1 });
    scene.place(1);
    expect(scene.first(a).task.startsWith(urgent)).toBe(true);
  });

  it('shares a worker fairly between owners, whatever they have queued', () => {
    const scene = new Scene();
    const a = scene.worker();
    const big = scene.job({ ...many(1_000), owner: 'big' });
    scene.job({ ...many(20), owner: 'small' });
    const order: string[] = [];
    scene.place();
    for (let done = 0; done < 20; done++) {
      const ref = scene.first(a);
      order.push(ref.task.startsWith(big) ? 'big' : 'small');
      scene.wait(50);
      scene.succeed(a, ref, 50);
      scene.place();
    }
    expect(order.filter((owner) => owner === 'small').length).toBeGreaterThanOrEqual(8);
  });

  it('never gives a job to a worker that lacks what it requires', () => {
    const scene = new Scene();
    const linux = scene.worker({ attributes: { 'os.name': 'linux' } });
    const mac = scene.worker({ attributes: { 'os.name': 'darwin' } });
    scene.job({ ...many(4), requires: [{ attr: 'os.name', op: '=', value: 'darwin' }] });
    scene.place();
    expect(scene.keys(linux)).toEqual([]);
    expect(scene.keys(mac).length).toBeGreaterThan(0);
  });

  it('counts memory: two tasks of 5 GB do not run side by side in 8 GB', () => {
    const scene = new Scene();
    const a = scene.worker({ slots: 4 });
    scene.job({ ...many(4), resources: { memoryBytes: 5_000_000_000 } });
    scene.place();
    expect(scene.fleet.workers.get(a)?.used.slots).toBe(1);
  });

  it('checks the exact bytes, not only their class', () => {
    const scene = new Scene();
    const small = scene.worker({ memoryBytes: 1_010_000_000 });
    scene.job({ ...many(1), resources: { memoryBytes: 1_020_000_000 } });
    const fits = scene.job({ ...many(1), resources: { memoryBytes: 1_005_000_000 } });
    scene.place();
    expect(scene.holds(small).map((ref) => ref.task)).toEqual([`${fits}.0`]);
  });

  it('takes either variant of a job, each task once', () => {
    const scene = new Scene();
    const tab = scene.worker({ types: ['WASM'], kind: 'browser' });
    const native = scene.worker({ types: ['NATIVE_EXEC'] });
    scene.job({
      variants: [
        { type: 'WASM', spec: {} },
        { type: 'NATIVE_EXEC', spec: {} },
      ],
      array: { count: 2 },
    });
    scene.place();
    expect([...scene.keys(tab), ...scene.keys(native)].sort()).toEqual(['0', '1']);
    expect(scene.held.get(native)?.[0]?.variant).toBe(1);
  });

  it('runs native code of strangers only where the owner allows it and limits are enforced', () => {
    const scene = new Scene();
    const closed = scene.worker({ types: ['NATIVE_EXEC'], untrustedTypes: [], owner: 'bob' });
    const weak = scene.worker({ types: ['NATIVE_EXEC'], owner: 'bob', attributes: { limits: 'weak' } });
    const open = scene.worker({ types: ['NATIVE_EXEC'], owner: 'bob' });
    const own = scene.worker({ types: ['NATIVE_EXEC'], untrustedTypes: [], owner: 'ann', attributes: { limits: 'weak' } });
    scene.job({ type: 'NATIVE_EXEC', spec: {}, array: { count: 8 }, owner: 'ann' });
    scene.place();
    expect([closed, weak, open, own].map((worker) => scene.keys(worker).length > 0)).toEqual([false, false, true, true]);
  });

  it('looks at live load when it places, and again when the load changes', () => {
    const scene = new Scene();
    const a = scene.worker({ load: { cpuOthers: 0.9 } });
    scene.job({ ...many(1), requires: [{ attr: 'load.cpuOthers', op: '<', value: 0.5 }] });
    scene.place();
    expect(scene.keys(a)).toEqual([]);
    scene.renew(a, { cpuOthers: 0.1 });
    scene.place();
    expect(scene.keys(a)).toEqual(['0']);
  });

  it('gives nothing to a paused worker and asks it again when it is resumed', () => {
    const scene = new Scene();
    const a = scene.worker({ load: { throttle: 0 } });
    scene.job();
    expect(scene.place().keys(a)).toEqual([]);
    scene.renew(a, { throttle: 1 });
    expect(scene.place().keys(a)).toEqual(['0']);
  });

  it('wakes a worker that found nothing when work for it comes', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.place();
    scene.job();
    expect(scene.place().keys(a)).toEqual(['0']);
  });

  it('stays inside its budget and says that more is left', () => {
    const scene = new Scene();
    for (let made = 0; made < 5; made++) scene.worker();
    scene.job(many(5));
    scene.place(2);
    expect(scene.ofType('job.counted').length).toBe(0);
    expect([...scene.held.values()].flat().length).toBe(5);
  });

  it('goes on asking idle workers until one suits', () => {
    const scene = new Scene();
    for (let made = 0; made < 100; made++) scene.worker({ memoryBytes: 1_010_000_000 });
    const large = scene.worker({ memoryBytes: 1_030_000_000 });
    scene.place();
    scene.job({ ...many(1), resources: { memoryBytes: 1_020_000_000 } });
    expect(scene.place().keys(large)).toEqual(['0']);
  });

  it('takes work held in advance back for a worker that is idle', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.job(many(2));
    scene.place();
    const b = scene.worker();
    scene.place();
    const revoke = scene.messages(a, 'revoke')[0]?.message;
    expect(revoke).toMatchObject({ attempts: [{ task: expect.stringMatching(/\.1$/) }] });
    scene.release(a, scene.holds(a)[1] ?? scene.first(a));
    scene.place();
    expect([scene.keys(a), scene.keys(b)]).toEqual([['0'], ['1']]);
  });

  it('assigns nothing any more once the coordinator drains', () => {
    const scene = new Scene();
    const a = scene.worker();
    scene.apply({ type: 'drain' });
    scene.job();
    expect(scene.place().keys(a)).toEqual([]);
  });

  it('gives an owner of three times the weight three times the share', () => {
    const scene = new Scene();
    scene.fleet = createFleet({ epoch: 1, seed: 7, types: () => undefined, weightOf: (owner) => (owner === 'heavy' ? 3 : 1) });
    const a = scene.worker({ owner: null });
    const heavy = scene.job({ ...many(1_000), owner: 'heavy' });
    scene.job({ ...many(1_000), owner: 'light' });
    let served = 0;
    for (let round = 0; round < 80; round++) {
      scene.place(1);
      const ref = scene.first(a);
      if (ref.task.startsWith(heavy)) served++;
      scene.wait(10, [a]);
      scene.succeed(a, ref, 10);
    }
    expect(served).toBeGreaterThanOrEqual(56);
    expect(served).toBeLessThanOrEqual(64);
  });

  it('tells workers apart by a benchmark only when a job asks for it', () => {
    const scene = new Scene();
    const slow = scene.worker({ attributes: { 'speed.wasm': 100 } });
    const fast = scene.worker({ attributes: { 'speed.wasm': 900 } });
    scene.place();
    expect(scene.fleet.buckets.size).toBe(1);
    scene.job({ ...many(1), requires: [{ attr: 'speed.wasm', op: '>=', value: 500 }] });
    scene.place();
    expect(scene.fleet.buckets.size).toBe(2);
    expect([scene.keys(slow), scene.keys(fast)]).toEqual([[], ['0']]);
    const late = scene.worker({ attributes: { 'speed.wasm': 700 } });
    scene.job({ ...many(2), requires: [{ attr: 'speed.wasm', op: '>=', value: 500 }] });
    scene.place();
    expect(scene.keys(slow)).toEqual([]);
    expect(scene.keys(late).length).toBeGreaterThan(0);
  });

  it('asks nobody twice: not 10,000 idle workers, not for 100,000 tasks that nobody can run', () => {
    const { fleet, now } = new Scene();
    const stage = new Scene();
    for (let at = 0; at < 10_000; at++)
      apply(fleet, { type: 'worker.joined', introduction: stage.introduction({ types: ['WASM'] }, `wkr_${String(at).padStart(26, '0')}`) }, now);
    const settle = () => {
      for (let turn = 0; turn < 10; turn++) place(fleet, now, 4_096);
      return { asked: fleet.wanting.size, dirty: fleet.dirty.size, wakes: place(fleet, now, 4_096).wakeAtMs === now.monoMs };
    };
    const rest = { asked: 0, dirty: 0, wakes: false };
    expect(settle()).toEqual(rest);
    for (let at = 0; at < 100; at++) {
      const id = `job_${String(at).padStart(26, '0')}` as const;
      apply(fleet, { type: 'job.submitted', job: { id, owner: `o${at % 10}`, spec: normalizeJob(many(1_000)), submittedAtMs: 0, upstreamEnded: {} } }, now);
    }
    expect(settle()).toEqual(rest);
    // One that is heard of is looked at once, and again let alone.
    const [worker] = fleet.workers.keys();
    if (worker !== undefined) apply(fleet, { type: 'worker.renewed', worker, load: idle, attempts: [] }, now);
    expect(fleet.wanting.size).toBe(1);
    expect(settle()).toEqual(rest);
  });
});
