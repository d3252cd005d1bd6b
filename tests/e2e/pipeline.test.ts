// A job after another: it starts when that one has succeeded, reads what that one's tasks made by name, and ends canceled when that
// one failed. On either kind of worker.
import { gunzipSync } from 'node:zlib';
import type { Job, JobId } from '@udcs/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';
import { needsChromium } from '../harness/skip.ts';

const TASKS = 5;
let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start();
  await grid.worker({ name: 'native', args: ['--slots', '2'] });
});
afterAll(() => grid?.stop());

type Kind = 'native' | 'browser';
const ofKind = (kind: Kind): Pick<Job, 'requires'> => ({ requires: [{ attr: 'kind', op: '=', value: kind }] });

/** Task i gzips "<i>" and some text; outputs of the even tasks are too large to travel inside a report. */
async function upstreamJob(kind: Kind): Promise<Job> {
  const { artifacts } = grid.client;
  const module = (await artifacts.put(fixture('wasm/gzip.wasm'))).digest;
  const texts = await Promise.all(Array.from({ length: TASKS }, (_, at) => artifacts.put(textOf(at))));
  return {
    type: 'WASM',
    spec: { module },
    array: { entries: texts.map(({ digest }) => ({ digest })) },
    inputs: [{ name: 'text', source: { digest: '${entry.digest}' }, path: '/dev/stdin' }],
    outputs: [{ name: 'gz', path: '/dev/stdout' }],
    ...ofKind(kind),
  };
}

function textOf(at: number): Uint8Array {
  // Numbers of a linear congruence hardly compress: 200 kB of them stay larger than what a report may carry.
  let state = at + 1;
  const words = Array.from({ length: at % 2 === 0 ? 20_000 : 20 }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String(state);
  });
  return new Uint8Array(Buffer.from(`${at} ${words.join(' ')}`));
}

/** Task i gzips what task i of the upstream job made. */
async function downstreamJob(upstream: JobId, kind: Kind): Promise<Job> {
  const { digest: module } = await grid.client.artifacts.put(fixture('wasm/gzip.wasm'));
  return {
    type: 'WASM',
    spec: { module },
    array: { count: TASKS },
    after: [upstream],
    inputs: [{ name: 'made', source: { job: upstream, output: 'gz', index: '${index}' }, path: '/dev/stdin' }],
    outputs: [{ name: 'twice', path: '/dev/stdout' }],
    ...ofKind(kind),
  };
}

async function followsUpstream(kind: Kind): Promise<void> {
  const first = grid.client.submit(await upstreamJob(kind));
  const second = grid.client.submit(await downstreamJob(await first.id, kind));
  const done = await second;
  expect(done.job).toMatchObject({ state: 'succeeded', counts: { total: TASKS, succeeded: TASKS } });
  for (const task of await done.tasks()) {
    const blob = task.outputs['twice'];
    if (blob === undefined) throw new Error(`task ${task.index} has no output`);
    expect(Buffer.compare(gunzipSync(gunzipSync(await grid.client.artifacts.read(blob))), textOf(task.index))).toBe(0);
  }
  // One clock, the coordinator's: nothing of the second job began before the first had ended.
  const endedAtMs = (await grid.client.call('jobs.get', { id: await first.id })).endedAtMs ?? Number.POSITIVE_INFINITY;
  const { items } = await grid.client.call('jobs.attempts', { id: await second.id, limit: 100 });
  expect(items).toHaveLength(TASKS);
  for (const attempt of items) expect(attempt.assignedAtMs).toBeGreaterThanOrEqual(endedAtMs);
}

async function isCanceledWith(kind: Kind): Promise<void> {
  const { digest: module } = await grid.client.artifacts.put(fixture('wasm/trap.wasm'));
  const first = grid.client.submit({ ...(await upstreamJob(kind)), spec: { module }, retry: { maxAttempts: 1 } });
  const second = grid.client.submit(await downstreamJob(await first.id, kind));
  await expect(first).rejects.toMatchObject({ code: 'CRASHED' });
  await expect(second).rejects.toMatchObject({ code: 'DEPENDENCY' });
  const job = await grid.client.call('jobs.get', { id: await second.id });
  expect(job).toMatchObject({ state: 'canceled', counts: { total: TASKS, canceled: TASKS } });
  expect((await grid.client.call('jobs.attempts', { id: await second.id, limit: 100 })).items).toEqual([]);
}

it('a native worker runs a job after another on what that one made', () => followsUpstream('native'));

it('a job whose upstream job failed ends canceled and never runs', () => isCanceledWith('native'));

it('a tab runs a job after another on what that one made', async (context) => {
  await needsChromium(context);
  const tab = await grid.tab('follower', 'cores=2&gpu=0&data=10000&battery=1');
  await followsUpstream('browser');
  await isCanceledWith('browser');
  await tab?.close();
});
