// Programs that try to take more than they were given: each ends with an error that names the limit, and the same worker then runs the
// next task. On both kinds of worker.
import type { ErrorCode, Job } from '@udcs/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';
import { needsChromium, skip } from '../harness/skip.ts';

let grid: TestGrid;
const modules = new Map<string, string>();

beforeAll(async () => {
  grid = await TestGrid.start();
  for (const name of ['spin', 'hog', 'flood', 'trap', 'wc']) modules.set(name, (await grid.client.artifacts.put(fixture(`wasm/${name}.wasm`))).digest);
});
afterAll(() => grid?.stop());

const endlessShader = `@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(1) fn main() { loop { out[0] += 1u; if (out[0] == 0u && out[1] == 77u) { break; } } }`;

interface Hostile {
  readonly name: string;
  readonly job: () => Partial<Job>;
  readonly codes: readonly ErrorCode[];
  readonly says: RegExp;
}

const hostiles: readonly Hostile[] = [
  {
    name: 'an endless WASM loop',
    job: () => ({ type: 'WASM', spec: { module: modules.get('spin') }, timeouts: { executionMs: 1_500 } }),
    codes: ['TIMEOUT'],
    says: /1[.,]?5/,
  },
  {
    name: 'a memory hog',
    job: () => ({ type: 'WASM', spec: { module: modules.get('hog') }, resources: { memoryBytes: 64 * 1024 ** 2 }, timeouts: { executionMs: 30_000 } }),
    codes: ['MEMORY_LIMIT'],
    says: /memory/,
  },
  {
    name: 'an output flood',
    job: () => ({
      type: 'WASM',
      spec: { module: modules.get('flood') },
      outputs: [{ name: 'out', path: '/dev/stdout', maxBytes: 1_000_000 }],
      timeouts: { executionMs: 30_000 },
    }),
    codes: ['OUTPUT_LIMIT'],
    says: /out|1[.,]?0?0?0? ?0*/,
  },
  { name: 'a trap', job: () => ({ type: 'WASM', spec: { module: modules.get('trap') } }), codes: ['CRASHED'], says: /./ },
  {
    name: 'an endless shader loop',
    job: () => ({
      type: 'WGSL_KERNEL',
      spec: { code: endlessShader, workgroups: [1, 1, 1], bindings: [{ group: 0, binding: 0, kind: 'storage', dtype: 'u32', shape: [2], output: 'out' }] },
      outputs: [{ name: 'out' }],
      timeouts: { executionMs: 60_000 },
    }),
    codes: ['LOOP_BUDGET', 'KERNEL_COMPILE'],
    says: /loop|iteration/i,
  },
];

for (const kind of ['native', 'browser'] as const) {
  describe(`on a ${kind} worker`, () => {
    const only = [{ attr: 'kind', op: '=' as const, value: kind }];

    beforeAll(async () => {
      if (kind === 'native') await grid.worker({ name: 'native', args: ['--slots', '1'] });
      else await grid.tab('hostile', 'cores=1&gpu=100&data=10000&battery=1');
    });

    it.for(hostiles)('$name is stopped, and the next task runs', async (hostile, context) => {
      if (kind === 'browser') await needsChromium(context);
      const job = { ...hostile.job(), requires: only, retry: { maxAttempts: 1 } } as Job;
      if (job.type === 'WGSL_KERNEL' && (await grid.client.call('jobs.plan', { job })).matchingWorkers === 0)
        skip(context, `no ${kind} worker has WebGPU here`);
      const handle = grid.client.submit(job);
      await handle.catch(() => undefined);
      const [task] = await handle.tasks();
      expect(task?.state).toBe('failed');
      expect(hostile.codes).toContain(task?.error?.code);
      expect(task?.error?.message).toMatch(hostile.says);

      const next = await grid.client.submit({ type: 'WASM', spec: { module: modules.get('wc'), stdin: 'one two\n' }, requires: only });
      expect(next.job.state).toBe('succeeded');
    });
  });
}

it('a digest that was never uploaded is refused at submit, by name', async () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  await expect(grid.client.submit({ type: 'WASM', spec: { module: digest } }).id).rejects.toMatchObject({
    code: 'UNKNOWN_ARTIFACT',
    message: expect.stringContaining(digest),
  });
});
