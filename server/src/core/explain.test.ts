import { explainViewSchema, type Job, normalizeJob } from '@udcs/protocol';
import { describe, expect, it } from 'vitest';
import { Scene } from '../../tests/core/scene.ts';
import { explain, explainPlan } from './explain.ts';

const GB = 1_000_000_000;

/** explain() of a job that was just placed, checked against the contract. */
function ask(scene: Scene, job: Job & { owner?: string }) {
  const id = scene.job(job);
  scene.place();
  const view = explain(scene.fleet, id);
  if (view === null) throw new Error('nothing to explain');
  return explainViewSchema.parse(view);
}

describe('explain', () => {
  it('names the missing WebGPU', () => {
    const scene = new Scene();
    scene.worker({ name: 'laptop', types: ['WASM', 'WGSL_KERNEL'] });
    const view = ask(scene, { type: 'WGSL_KERNEL', spec: {}, requires: [{ attr: 'webgpu', op: '=', value: true }] });
    expect(view).toMatchObject({
      verdict: 'unmatched',
      waiting: 1,
      nearest: { name: 'laptop', reason: { code: 'MISSING_ATTR' } },
      tally: [{ code: 'MISSING_ATTR', workers: 1 }],
    });
    expect(view.nearest?.suggestion).toBe('Connect a worker with webgpu to be true and 1 worker fits');
  });

  it('says how far memory must come down, and how many workers fit then', () => {
    const scene = new Scene();
    for (const memoryBytes of [1.5 * GB, 1.6 * GB, 2 * GB, 0.5 * GB]) scene.worker({ memoryBytes });
    const view = ask(scene, { type: 'MOCK', spec: {}, resources: { memoryBytes: 3 * GB } });
    expect(view.nearest).toMatchObject({ reason: { code: 'MEMORY', missingBy: GB }, suggestion: 'Lower resources.memoryBytes to 2 GB and 1 worker fits' });
    expect(view.tally).toMatchObject([{ code: 'MEMORY', workers: 4 }]);
    expect(view.summary).toContain('None of 4 connected workers can run it');
  });

  it('follows its own suggestion: with that memory the job runs', () => {
    const scene = new Scene();
    const a = scene.worker({ memoryBytes: 1.5 * GB });
    ask(scene, { type: 'MOCK', spec: {}, resources: { memoryBytes: 3 * GB } });
    scene.job({ type: 'MOCK', spec: {}, resources: { memoryBytes: 1.5 * GB } });
    expect(scene.place().keys(a)).toEqual(['0']);
  });

  it('names an architecture that nobody has', () => {
    const scene = new Scene();
    scene.worker({ attributes: { arch: 'x64' } });
    const view = ask(scene, { type: 'MOCK', spec: {}, requires: [{ attr: 'arch', op: '=', value: 'riscv64' }] });
    expect(view.nearest?.reason).toMatchObject({ code: 'REQUIRES', message: 'its arch is x64; the job requires arch to be riscv64' });
  });

  it('tells busy from impossible', () => {
    const scene = new Scene();
    scene.worker();
    scene.job({ type: 'MOCK', spec: {}, array: { count: 9 } });
    const view = ask(scene, { type: 'MOCK', spec: {} });
    expect(view).toMatchObject({ verdict: 'waiting', nearest: { reason: { code: 'BUSY' } } });
    expect(view.summary).toContain('1 worker could run it, none at this moment');
  });

  it('names the owner’s policy, and weak limits', () => {
    const scene = new Scene();
    scene.worker({ name: 'closed', types: ['NATIVE_EXEC'], untrustedTypes: [], owner: 'bob' });
    scene.worker({ name: 'weak', types: ['NATIVE_EXEC'], owner: 'bob', attributes: { limits: 'weak' } });
    const view = ask(scene, { type: 'NATIVE_EXEC', spec: {}, owner: 'ann' });
    expect(view.workers.map(({ name, reason }) => [name, reason?.code]).sort()).toEqual([
      ['closed', 'POLICY'],
      ['weak', 'WEAK_LIMITS'],
    ]);
  });

  it('prefers the worker with one fault to the one with many', () => {
    const scene = new Scene();
    scene.worker({ name: 'far', types: ['WASM'], memoryBytes: 1 });
    scene.worker({ name: 'near', memoryBytes: 1.5 * GB });
    expect(ask(scene, { type: 'MOCK', spec: {}, resources: { memoryBytes: 3 * GB } }).nearest?.name).toBe('near');
  });

  it('says what a blocked job and a task in back-off wait for', () => {
    const scene = new Scene();
    const a = scene.worker();
    const first = scene.job();
    const blocked = ask(scene, { type: 'MOCK', spec: {}, after: [first] });
    expect(blocked).toMatchObject({ verdict: 'blocked', summary: `It waits for ${first} to end.` });
    scene.fail(a, 'EXIT_CODE');
    expect(explain(scene.fleet, first, '0')).toMatchObject({ verdict: 'waiting', summary: 'It waits a while before attempt 2: 1 attempts failed.' });
  });

  it('answers for a job that was not submitted, without leaving a trace', () => {
    const scene = new Scene();
    scene.worker();
    scene.worker({ types: ['WASM'] });
    const classes = scene.fleet.classes.size;
    const answer = explainPlan(scene.fleet, normalizeJob({ type: 'MOCK', spec: {} }), 'ann');
    expect(answer).toMatchObject({ matchingWorkers: 1, explain: { verdict: 'waiting', summary: '1 worker can take it now.' } });
    expect(scene.fleet.classes.size).toBe(classes);
  });

  it('says that nobody is connected, and nothing of a job that has ended', () => {
    const scene = new Scene();
    expect(ask(scene, { type: 'MOCK', spec: {} }).summary).toBe('No worker is connected.');
    const a = scene.worker();
    scene.place();
    const { task } = scene.first(a);
    scene.succeed(a);
    expect(explain(scene.fleet, task.slice(0, task.indexOf('.')) as `job_${string}`)).toBe(null);
  });
});
