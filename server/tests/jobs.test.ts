// Jobs over the public API of a whole coordinator: what is refused and in which words, what happens once, what a subscriber sees.
import { createHash } from 'node:crypto';
import type { JobEvent, ProcedureOutput, TaskView } from '@udcs/protocol';
import { limits } from '@udcs/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { errorOf, trpcSocket, type WholeCoordinator, wholeCoordinator } from './whole-coordinator.ts';
import { failTask, succeed } from './wire-worker.ts';

let grid: WholeCoordinator;
beforeAll(async () => {
  grid = await wholeCoordinator();
});
afterAll(() => grid.close());

const mock = { type: 'MOCK', spec: { runMs: 0 } };
const submit = async (job: unknown, token?: string) => grid.ask('/api/v1/jobs', { body: { job }, ...(token === undefined ? {} : { token }) });
const submitted = async (job: unknown, token?: string) => {
  const answer = await submit(job, token);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.json as ProcedureOutput<'jobs.submit'>;
};
const jobOf = async (id: string) => (await grid.ask(`/api/v1/jobs/${id}`)).json as ProcedureOutput<'jobs.get'>;
const ended = (id: string) => vi.waitFor(async () => expect((await jobOf(id)).endedAtMs).not.toBeNull(), { timeout: 10_000, interval: 20 });

describe('a job that can not be right', () => {
  const unknown = `sha256:${'1'.repeat(64)}`;
  it.each<[string, unknown, string, RegExp, RegExp | undefined]>([
    ['an unknown key', { ...mock, arrai: {} }, 'INVALID_INPUT', /job: unknown key "arrai"/, /did you mean "array"/],
    ['an unknown key inside', { ...mock, resources: { memorybytes: 1 } }, 'INVALID_INPUT', /job\.resources: unknown key "memorybytes"/, /"memoryBytes"/],
    ['a wrong type', { ...mock, priority: 'high' }, 'INVALID_INPUT', /job\.priority: expected/, undefined],
    ['a number over its limit', { ...mock, priority: 101 }, 'INVALID_INPUT', /job\.priority: .*100/, undefined],
    ['an unknown task type', { type: 'WASMM', spec: {} }, 'INVALID_INPUT', /job\.type: must be one of "WASM"/, undefined],
    ['neither type nor variants', { name: 'x' }, 'INVALID_INPUT', /either type and spec, or variants/, undefined],
    ['a spec of another type', { type: 'MOCK', spec: { runMss: 1 } }, 'INVALID_INPUT', /job\.spec: unknown key "runMss"/, /did you mean "runMs"/],
    ['a type that has not landed', { type: 'DOCKER', spec: {} }, 'NOT_YET', /DOCKER/, /types that run today/],
    ['an option that has not landed', { ...mock, gang: { min: 2, max: 2 } }, 'NOT_YET', /gang/, /leave it out/],
    ['verification that has not landed', { ...mock, verification: { mode: 'quorum' } }, 'NOT_YET', /quorum/, undefined],
    ['too many array tasks', { ...mock, array: { count: 2_000_000 } }, 'INVALID_INPUT', /job\.array/, undefined],
    ['an empty array', { ...mock, array: { entries: [] } }, 'INVALID_INPUT', /job\.array/, undefined],
    [
      'an unknown name',
      { ...mock, outputs: [{ name: 'o', path: 'out/${entry.nmae}.txt' }], array: { entries: [{ name: 'a' }] } },
      'INVALID_INPUT',
      /\$\{entry\.nmae\} is not known/,
      /entry/,
    ],
    [
      'an entry that lacks a name',
      { ...mock, outputs: [{ name: 'o', path: 'out/${entry.n}' }], array: { entries: [{ n: 'a' }, { m: 'b' }, { n: 'c' }] } },
      'INVALID_INPUT',
      /entries\[1\] has no "n"/,
      undefined,
    ],
    [
      'a digest that is none',
      { ...mock, inputs: [{ name: 'a', source: { digest: 'sha256:12' } }] },
      'INVALID_INPUT',
      /the input "a": "sha256:12" is not a digest/,
      /64 hex/,
    ],
    ['an artifact nobody uploaded', { ...mock, inputs: [{ name: 'a', source: { digest: unknown } }] }, 'UNKNOWN_ARTIFACT', new RegExp(unknown), /upload/],
    ['inline bytes that are no base64', { ...mock, inputs: [{ name: 'a', source: { inline: '%%%' } }] }, 'INVALID_INPUT', /not valid base64/, undefined],
    [
      'two inputs of one name',
      {
        ...mock,
        inputs: [
          { name: 'a', source: { inline: 'QQ==' } },
          { name: 'a', source: { inline: 'QQ==' } },
        ],
      },
      'INVALID_INPUT',
      /two inputs are named "a"/,
      undefined,
    ],
    [
      'a path used twice',
      {
        ...mock,
        outputs: [
          { name: 'a', path: 'x' },
          { name: 'b', path: 'x' },
        ],
      },
      'INVALID_INPUT',
      /the path "x" is used twice/,
      undefined,
    ],
    [
      'a path that climbs out',
      { ...mock, outputs: [{ name: 'a', path: '../x' }] },
      'INVALID_INPUT',
      /job\.outputs\[0\]\.path: a relative path without/,
      undefined,
    ],
    [
      'an upstream job that is not there',
      { ...mock, inputs: [{ name: 'a', source: { job: 'job_00000000000000000000000000', output: 'o' } }] },
      'NOT_FOUND',
      /there is no job/,
      undefined,
    ],
    ['a dependency that is not there', { ...mock, after: ['job_00000000000000000000000000'] }, 'NOT_FOUND', /job_0000/, undefined],
    ['an id that is none', { ...mock, after: ['nonsense'] }, 'INVALID_INPUT', /job\.after\[0\]/, undefined],
  ])('is refused for %s', async (_what, job, code, message, hint) => {
    const answer = await submit(job);
    expect(errorOf(answer)).toMatchObject({
      code,
      message: expect.stringMatching(message),
      ...(hint === undefined ? {} : { hint: expect.stringMatching(hint) }),
    });
    expect(answer.text).not.toMatch(/stack|\.ts:\d/);
  });

  it('is refused for being larger than a job may be', async () => {
    const entries = Array.from({ length: 900 }, (_, at) => ({ a: 'x'.repeat(1_200), b: at }));
    const answer = await grid.ask('/api/v1/jobs/batch', { body: { jobs: [{ ...mock, array: { entries } }] } });
    expect(answer.json).toMatchObject({ results: [{ error: { code: 'TOO_LARGE', message: expect.stringContaining(String(limits.jobBytes)) } }] });
  });

  it('is refused for MOCK unless tests were allowed', async () => {
    const strict = await wholeCoordinator({ allowMock: false });
    const answer = await strict.ask('/api/v1/jobs', { body: { job: mock } });
    expect(errorOf(answer)).toMatchObject({ code: 'INVALID_INPUT', hint: expect.stringContaining('--allow-mock') });
    expect((await strict.ask('/api/v1/info')).json).toMatchObject({ types: expect.not.arrayContaining(['MOCK']) });
    await strict.close();
  });

  it('does not sink the good jobs of its batch', async () => {
    const answer = await grid.ask('/api/v1/jobs/batch', {
      body: { jobs: [mock, { ...mock, gang: { min: 2, max: 2 } }, { ...mock, inputs: [{ name: 'a', source: { digest: unknown } }] }, mock] },
    });
    expect(answer.json).toMatchObject({
      results: [{ existing: false }, { error: { code: 'NOT_YET' } }, { error: { code: 'UNKNOWN_ARTIFACT' } }, { existing: false }],
    });
  });
});

describe('submitting', () => {
  it('twice with one key gives one job; another payload under that key is refused', async () => {
    const job = { ...mock, name: 'once', idempotencyKey: 'key-1' };
    const first = await submitted(job);
    expect(await submitted({ idempotencyKey: 'key-1', name: 'once', spec: { runMs: 0 }, type: 'MOCK' })).toEqual({ ...first, existing: true });
    expect(errorOf(await submit({ ...job, name: 'other' })).code).toBe('CONFLICT');
    const bob = await grid.token(['submit'], { owner: 'bob' });
    expect((await submitted(job, bob.secret)).id).not.toBe(first.id);
  });

  it('an array over an uploaded list of entries reads its first and last line', async () => {
    const put = async (text: string) => {
      const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
      const answer = await grid.ask(`/artifacts/${digest}`, { method: 'PUT', raw: text, headers: { 'content-type': 'application/x-ndjson' } });
      expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
      return digest;
    };
    const lines = await put('{"n":"a"}\n{"n":"b"}\n{"n":"c"}\n');
    const plan = (count: number, name: string) =>
      grid.ask('/api/v1/jobs/plan', { body: { job: { ...mock, outputs: [{ name: 'o', path: `out/\${entry.${name}}` }], array: { entries: lines, count } } } });
    expect((await plan(3, 'n')).json).toMatchObject({ total: 3, first: { outputs: [{ path: 'out/a' }] }, last: { outputs: [{ path: 'out/c' }] } });
    expect(errorOf(await plan(4, 'n'))).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringMatching(/3/) });
    expect(errorOf(await plan(3, 'm')).code).toBe('INVALID_INPUT');
    expect(errorOf(await submit({ ...mock, array: { entries: await put('not json\n'), count: 1 } })).code).toBe('INVALID_INPUT');
  });

  it('a plan writes nothing and says who could run it', async () => {
    const before = (await grid.ask('/api/v1/jobs')).text;
    const worker = await grid.worker({ name: 'able' });
    const answer = await grid.ask('/api/v1/jobs/plan', {
      body: { job: { ...mock, array: { count: 5 }, outputs: [{ name: 'o', path: 'out/${index}-of-${count}' }] } },
    });
    expect(answer.json).toMatchObject({
      total: 5,
      matchingWorkers: 1,
      first: { outputs: [{ path: 'out/0-of-5' }] },
      last: { outputs: [{ path: 'out/4-of-5' }] },
    });
    await worker.close();
    expect(before).toEqual(expect.any(String));
  });
});

/** Follows a job to its end over WebSocket and returns what was told. */
async function followed(id: string, input: object = {}): Promise<{ tasks: TaskView[]; events: JobEvent[]; lastId: string | undefined }> {
  const socket = await trpcSocket(grid.url, grid.adminToken);
  const subscription = socket.subscribe('jobs.events', { id, ...input });
  const events: JobEvent[] = [];
  let lastId: string | undefined;
  for (;;) {
    const next = await subscription.next();
    if (next === null) break;
    const data = next.data as JobEvent | { id: string; data: JobEvent };
    events.push('data' in data ? data.data : data);
    lastId = next.id ?? lastId;
  }
  socket.close();
  return { tasks: events.flatMap((event) => (event.type === 'tasks' ? event.tasks : [])), events, lastId };
}

describe('a job that runs', () => {
  it('is told task by task, once each, and the story ends with the ended job', async () => {
    const { id } = await submitted({ ...mock, array: { count: 300 } });
    const following = followed(id);
    const worker = await grid.worker();
    const { tasks, events } = await following;
    expect(tasks.map((task) => task.index).sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, index) => index));
    expect(tasks[0]).toMatchObject({ state: 'succeeded', worker: worker.worker, value: { index: tasks[0]?.index } });
    expect(events[0]).toMatchObject({ type: 'job', seq: 0 });
    expect(events.at(-1)).toMatchObject({ type: 'job', job: { state: 'succeeded', counts: { total: 300, succeeded: 300, active: 0 } } });
    const seqs = events.flatMap((event) => ('seq' in event ? [event.seq] : []));
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect((await grid.ask(`/api/v1/jobs/${id}/tasks?limit=7`)).json).toMatchObject({ items: { length: 7 }, nextCursor: expect.any(String) });
    expect((await grid.ask(`/api/v1/jobs/${id}/attempts?task=${id}.5`)).json).toMatchObject({
      items: [{ task: `${id}.5`, state: 'succeeded', workerName: 'wire worker' }],
    });
    await worker.close();
  });

  it('is resumed from any cursor without gap and without repeating', async () => {
    const worker = await grid.worker();
    const { id } = await submitted({ ...mock, array: { count: 40 } });
    await ended(id);
    const all = await followed(id);
    const order = all.tasks.map((task) => task.index);
    expect(new Set(order).size).toBe(40);
    const seqs = all.events.flatMap((event) => (event.type === 'tasks' ? [event.seq] : []));
    for (const afterSeq of [0, 1, Math.floor((seqs.at(-1) ?? 0) / 2), seqs.at(-1) ?? 0]) {
      const rest = await followed(id, { afterSeq });
      const byId = await followed(id, { lastEventId: String(afterSeq) });
      expect(byId.tasks).toEqual(rest.tasks);
      expect(order.slice(order.length - rest.tasks.length)).toEqual(rest.tasks.map((task) => task.index));
      if (afterSeq === seqs.at(-1)) expect(rest.tasks).toEqual([]);
    }
    await worker.close();
  });

  it('is told over SSE too, with ids to resume from', async () => {
    const worker = await grid.worker();
    const { id } = await submitted({ ...mock, array: { count: 3 } });
    await ended(id);
    const input = encodeURIComponent(JSON.stringify({ id }));
    const answer = await fetch(`${grid.url}/trpc/jobs.events?input=${input}`, {
      headers: { authorization: `Bearer ${grid.adminToken}`, accept: 'text/event-stream' },
    });
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    expect(ids.length).toBeGreaterThanOrEqual(3);
    expect(text).toContain('"state":"succeeded"');
    const resumed = await (
      await fetch(`${grid.url}/trpc/jobs.events?input=${input}`, {
        headers: { authorization: `Bearer ${grid.adminToken}`, 'last-event-id': String(ids.at(-1)) },
      })
    ).text();
    expect(resumed).not.toContain('"type":"tasks"');
    await worker.close();
  });

  it('shows in the live lists of its owner and of nobody else', async () => {
    const alice = await grid.token(['submit'], { owner: 'alice-live' });
    const bob = await grid.token(['submit'], { owner: 'bob-live' });
    const sockets = await Promise.all([alice, bob].map(({ secret }) => trpcSocket(grid.url, secret)));
    const [ofAlice, ofBob] = sockets.map((socket) => socket.subscribe('jobs.changes', {})) as [
      ReturnType<(typeof sockets)[0]['subscribe']>,
      ReturnType<(typeof sockets)[0]['subscribe']>,
    ];
    await Promise.all(sockets.map((socket) => socket.call('query', 'auth.whoami')));
    const worker = await grid.worker();
    const mine = await submitted({ ...mock, name: 'of alice' }, alice.secret);
    const other = await submitted({ ...mock, name: 'of bob' }, bob.secret);
    const firstOf = async (subscription: typeof ofAlice) =>
      ((await subscription.next()) as { data: { jobs: { id: string }[] } }).data.jobs.map((job) => job.id);
    expect(await firstOf(ofAlice)).toEqual([mine.id]);
    expect(await firstOf(ofBob)).toEqual([other.id]);
    for (const socket of sockets) socket.close();
    await worker.close();
  });

  it('is canceled once, and the answer says whether it had ended', async () => {
    const { id } = await submitted({ ...mock, array: { count: 4 }, requires: [{ attr: 'nowhere', op: '=', value: 1 }] });
    expect((await grid.ask(`/api/v1/jobs/${id}/cancel`, { method: 'POST' })).json).toMatchObject({ canceled: true });
    await ended(id);
    expect((await grid.ask(`/api/v1/jobs/${id}/cancel`, { method: 'POST' })).json).toMatchObject({ canceled: false, job: { state: 'canceled' } });
  });

  it('explains itself when nobody can run it', async () => {
    const worker = await grid.worker({ name: 'small one' });
    const { id } = await submitted({ ...mock, resources: { memoryBytes: 2 ** 50 } });
    await vi.waitFor(async () => {
      const view = (await grid.ask(`/api/v1/jobs/${id}/explain`)).json;
      expect(view).toMatchObject({ verdict: 'unmatched', workers: [{ name: 'small one', reason: { code: 'MEMORY' } }], nearest: { name: 'small one' } });
    });
    const reader = await grid.token(['read'], { owner: 'admin' });
    expect((await grid.ask(`/api/v1/jobs/${id}/explain`, { token: reader.secret })).json).toMatchObject({ workers: [{ name: 'small one' }] });
    const carol = await grid.token(['submit'], { owner: 'carol' });
    const hers = await submitted({ ...mock, resources: { memoryBytes: 2 ** 50 } }, carol.secret);
    expect((await grid.ask(`/api/v1/jobs/${hers.id}/explain`, { token: carol.secret })).json).toMatchObject({ workers: [{ name: 'a native worker' }] });
    await worker.close();
    await grid.ask(`/api/v1/jobs/${id}/cancel`, { method: 'POST' });
    await grid.ask(`/api/v1/jobs/${hers.id}/cancel`, { method: 'POST' });
  });
});

describe('retrying', () => {
  const once = { retry: { maxAttempts: 1 } };

  it('sends a job whose tasks all failed again, once, as the same spec', async () => {
    const bad = await grid.worker({ onTask: failTask });
    const { id } = await submitted({ ...mock, ...once, array: { count: 2 }, name: 'all fail' });
    await ended(id);
    await bad.close();
    const again = (await grid.ask(`/api/v1/jobs/${id}/retry`, { method: 'POST' })).json as { id: string };
    expect((await grid.ask(`/api/v1/jobs/${id}/retry`, { method: 'POST' })).json).toMatchObject({ id: again.id, existing: true });
    expect(await jobOf(again.id)).toMatchObject({ name: 'all fail', counts: { total: 2 } });
    await grid.ask(`/api/v1/jobs/${again.id}/cancel`, { method: 'POST' });
  });

  it('sends only the failed entries, and refuses where an index would change its meaning', async () => {
    const mixed = await grid.worker({ onTask: (task, send) => (task.index % 2 === 0 ? failTask : succeed)(task, send) });
    const entries = ['a', 'b', 'c', 'd', 'e'].map((n) => ({ n }));
    const exact = await submitted({ ...mock, ...once, array: { entries }, outputs: [] });
    const counted = await submitted({ ...mock, ...once, array: { count: 5 } });
    await ended(exact.id);
    await ended(counted.id);
    await mixed.close();
    const again = (await grid.ask(`/api/v1/jobs/${exact.id}/retry`, { method: 'POST' })).json as { id: string };
    expect(await jobOf(again.id)).toMatchObject({ counts: { total: 3 } });
    expect(errorOf(await grid.ask(`/api/v1/jobs/${counted.id}/retry`, { method: 'POST' }))).toMatchObject({
      code: 'NOT_YET',
      message: expect.stringContaining('indexes'),
    });
    await grid.ask(`/api/v1/jobs/${again.id}/cancel`, { method: 'POST' });
  });

  it('has nothing to do for a job that succeeded or still runs', async () => {
    const worker = await grid.worker();
    const { id } = await submitted(mock);
    await ended(id);
    await worker.close();
    expect(errorOf(await grid.ask(`/api/v1/jobs/${id}/retry`, { method: 'POST' })).code).toBe('CONFLICT');
    const open = await submitted({ ...mock, requires: [{ attr: 'nowhere', op: '=', value: 1 }] });
    expect(errorOf(await grid.ask(`/api/v1/jobs/${open.id}/retry`, { method: 'POST' })).code).toBe('CONFLICT');
  });
});
