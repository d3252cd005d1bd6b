// "Why is my task not running?": each reason is named, with the nearest miss, from the same checks that placement uses.
import type { ExplainView, Job } from '@udcs/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';

let grid: TestGrid;
let module: string;

beforeAll(async () => {
  grid = await TestGrid.start();
  await grid.worker({
    name: 'small',
    args: ['--allow-mock', '--slots', '1', '--max-memory', String(2 * 1024 ** 3)],
    env: { VK_ICD_FILENAMES: '/nonexistent', UDCS_NO_WGSL: '1' },
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

it("the worker owner's policy refuses: a type it does not accept from strangers", async () => {
  const { secret } = await grid.client.call('tokens.create', { name: 'stranger', scopes: ['submit'], owner: 'stranger' });
  const { connect } = await import('@udcs/client');
  const stranger = connect({ url: grid.listening.url, token: secret });
  const handle = stranger.submit({ type: 'MOCK', spec: { runMs: 1 } });
  const explain = await handle.explain();
  await handle.cancel();
  await stranger.close();
  expect(explain.verdict).toBe('unmatched');
  expect(codes(explain)).toEqual(['POLICY']);
});

it('all busy: it waits, and says for whom', async () => {
  const busy = grid.client.submit({ type: 'MOCK', spec: { runMs: 60_000 } });
  await grid.until((worker) => worker.name === 'small' && worker.running === 1);
  const explain = await explained({ type: 'MOCK', spec: { runMs: 1 } });
  await busy.cancel();
  expect(explain.verdict).toBe('waiting');
  expect(codes(explain)).toEqual(['BUSY']);
});
