// A manifest as a task's input: what several tasks made is joined without moving a byte, and the next job reads it as one file, on
// either kind of worker.
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { Grid } from '@udcs/client';
import type { Digest } from '@udcs/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';
import { needsChromium } from '../harness/skip.ts';

const PARTS = 6;
const LINES = 4_000;
let grid: TestGrid;
let joined: { digest: Digest; sizeBytes: number };

beforeAll(async () => {
  grid = await TestGrid.start();
  await grid.worker({ name: 'native', args: ['--slots', '2'] });
  joined = await joinedOutputs(grid.client);
});
afterAll(() => grid?.stop());

const ofKind = (kind: 'native' | 'browser') => [{ attr: 'kind', op: '=' as const, value: kind }];

/** gzip members, one per task of a job, joined: concatenated members are one gzip file. */
async function joinedOutputs(client: Grid): Promise<{ digest: Digest; sizeBytes: number }> {
  const module = await client.artifacts.put(fixture('wasm/gzip.wasm'));
  const text = await client.artifacts.put(new Uint8Array(Buffer.from('each line is one of many, and all are alike\n'.repeat(LINES))));
  const job = await client.submit({
    type: 'WASM',
    spec: { module: module.digest },
    array: { count: PARTS },
    inputs: [{ name: 'text', source: { digest: text.digest }, path: '/dev/stdin' }],
    outputs: [{ name: 'gz', path: '/dev/stdout' }],
    requires: ofKind('native'),
  });
  const members = (await job.tasks()).map((task) => task.outputs['gz']);
  expect(members).toHaveLength(PARTS);
  return client.artifacts.join(members.map((blob) => ({ digest: blob?.digest as Digest, bytes: blob?.sizeBytes ?? 0 })));
}

/** The gzip that a task of this kind makes of its input: what it read is known from it. */
async function gzipOf(digest: Digest, kind: 'native' | 'browser'): Promise<Uint8Array> {
  const module = await grid.client.artifacts.put(fixture('wasm/gzip.wasm'));
  const job = await grid.client.submit({
    type: 'WASM',
    spec: { module: module.digest },
    inputs: [{ name: 'all', source: { digest }, path: '/dev/stdin' }],
    outputs: [{ name: 'gz', path: '/dev/stdout' }],
    requires: ofKind(kind),
  });
  const [task] = await job.tasks();
  if (task?.outputs['gz'] === undefined) throw new Error('the task made no output');
  return grid.client.artifacts.read(task.outputs['gz']);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function isReadWhole(kind: 'native' | 'browser'): Promise<void> {
  const seen = gunzipSync(await gzipOf(joined.digest, kind));
  expect(seen).toHaveLength(joined.sizeBytes);
  expect(sha256(seen)).toBe(sha256(await grid.client.artifacts.get(joined.digest)));
  expect(gunzipSync(seen)).toHaveLength(PARTS * Buffer.byteLength('each line is one of many, and all are alike\n') * LINES);
}

it('a native worker reads a manifest of another job’s outputs as one file', () => isReadWhole('native'));

it('a native worker reads a manifest of ranges', async () => {
  const text = await grid.client.artifacts.put(new Uint8Array(Buffer.from('0123456789')));
  const { digest } = await grid.client.artifacts.join([
    { digest: text.digest, offset: 4, bytes: 3 },
    { digest: text.digest, offset: 0, bytes: 2 },
    { digest: text.digest, bytes: 10 },
  ]);
  expect(gunzipSync(await gzipOf(digest, 'native')).toString()).toBe('456010123456789');
});

it('a tab reads a manifest of another job’s outputs as one file, and again from its cache after a reload', async (context) => {
  await needsChromium(context);
  const tab = await grid.tab('reader', 'cores=1&gpu=0&data=10000&battery=1');
  await isReadWhole('browser');
  await tab?.page.reload();
  await tab?.page.getByRole('button', { name: 'Start' }).click();
  await isReadWhole('browser');
  await tab?.close();
});
