// "Why is my task not running?": each reason is named, with the nearest miss, from the same checks that placement uses.
import { connect } from '@udcs/client';
import type { ExplainView, Job } from '@udcs/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';

let grid: TestGrid;
let module: string;

beforeAll(async () => {
  grid = await TestGrid.start();
  await grid.worker({
    name: 'small',
    args: ['--allow-mock', '--deny', 'WGSL_KERNEL', '--slots', '1', '--max-memory', String(2 * 1024 ** 3)],
  });
  module = (await grid.client.artifacts.put(fixture('wasm/wc.wasm'))).digest;
});
afterAll(() => grid?.stop());

async function explained(job: Partial<Job>): Promise<ExplainView> {
  const handle = grid.client.submit({ type: 'WASM', spec: { module }, ...job } as Job);
  const explain = await handle.explain();
  await handle.cancel();
  return explain;
}

const codes = (explain: ExplainView): string[] => explain.tally.map((row) => row.code);

it('too little memory: by how much, and what would make it run', async () => {
  const explain = await explained({ resources: { memoryBytes: 64 * 1024 ** 3 } });
  expect(explain.verdict).toBe('unmatched');
  expect(codes(explain)).toEqual(['MEMORY']);
  expect(explain.nearest?.name).toBe('small');
  expect(explain.nearest?.reason.missingBy).toBeGreaterThan(0);
  expect(explain.nearest?.suggestion).toMatch(/memory/i);
});

it('unknown architecture', async () => {
  const explain = await explained({ requires: [{ attr: 'arch', op: '=', value: 's390x' }] });
  expect(explain.verdict).toBe('unmatched');
  expect(codes(explain)).toEqual(['REQUIRES']);
  expect(explain.nearest?.reason.message).toContain('s390x');
});

it('no worker with a type the grid could run elsewhere: a shader without WebGPU', async () => {
  const explain = await explained({
    type: 'WGSL_KERNEL',
    spec: {
      code: '@group(0) @binding(0) var<storage, read_write> out: array<u32>; @compute @workgroup_size(1) fn main() { out[0] = 1u; }',
      workgroups: [1, 1, 1],
      bindings: [{ group: 0, binding: 0, kind: 'storage', dtype: 'u32', shape: [1], output: 'out' }],
    },
    outputs: [{ name: 'out' }],
  });
  expect(explain.verdict).toBe('unmatched');
  expect(explain.summary).toMatch(/WGSL|WebGPU/);
});

it("the worker owner's policy refuses: a native program of a stranger", async () => {
  const { secret } = await grid.client.call('tokens.create', { name: 'stranger', scopes: ['submit'], owner: 'stranger' });
  const stranger = connect({ url: grid.listening.url, token: secret });
  const executable = await stranger.artifacts.put({ path: process.execPath });
  const handle = stranger.submit({
    type: 'NATIVE_EXEC',
    spec: { builds: [{ os: process.platform, arch: process.arch, executable: executable.digest }], args: ['--version'] },
  });
  const explain = await handle.explain();
  await handle.cancel();
  await stranger.close();
  expect(explain.verdict).toBe('unmatched');
  expect(codes(explain)).toEqual(['POLICY']);
  expect(explain.nearest?.reason.message).toMatch(/owner|trust/i);
});

it('all busy: it waits, and says for whom', async () => {
  const busy = grid.client.submit({ type: 'MOCK', spec: { runMs: 60_000 } });
  await grid.until((worker) => worker.name === 'small' && worker.running === 1);
  // One task may lie ready at the worker behind the long one; the others wait here.
  const explain = await explained({ type: 'MOCK', spec: { runMs: 1 }, array: { count: 5 } });
  await busy.cancel();
  expect(explain.waiting).toBeGreaterThanOrEqual(4);
  expect(codes(explain)).toEqual(['BUSY']);
  expect(explain.workers[0]).toMatchObject({ name: 'small', reason: { code: 'BUSY' } });
});
