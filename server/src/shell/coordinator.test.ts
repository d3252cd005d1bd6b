// The loop over the real core with a store, sockets and time that the test moves: what is sent before, at and after a commit.
import { type JobEvent, type JobId, limits, type TaskId, UdcsError } from '@udcs/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { Coordinator } from './coordinator.ts';
import { FakeSocket, FakeStore, FakeTime, gatewayFor, grants, hello, quiet, renewal, say, settle, submitRow } from './fixture.ts';
import type { Gateway } from './gateway.ts';
import type { ConnectionSink } from './seam.ts';

const plain = { alternatives: () => [[]], isolation: null } as const;
const usage = { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} };

let time: FakeTime;
let store: FakeStore;
let coordinator: Coordinator;
let gateway: Gateway;
let fatal: Error | null;

beforeEach(async () => {
  time = new FakeTime();
  store = new FakeStore();
  fatal = null;
  coordinator = new Coordinator({
    clock: time,
    timers: time,
    writer: store,
    grants,
    entries: { read: (_digest, indexes) => Promise.resolve(indexes.map((index) => ({ name: `entry ${index}` }))) },
    types: (name) => (name === 'MOCK' ? plain : undefined),
    journal: quiet,
    seed: 1,
    onFatal: (error) => {
      fatal = error;
    },
  });
  gateway = gatewayFor(coordinator, time);
  await coordinator.boot();
  await time.pass(0);
});

async function join(slots = 2, overrides: Parameters<typeof hello>[0] = {}): Promise<{ socket: FakeSocket; sink: ConnectionSink }> {
  const socket = new FakeSocket();
  const sink = gateway.open(socket);
  say(sink, hello(overrides, slots));
  await time.pass(1);
  return { socket, sink };
}

const submit = async (count = 1): Promise<JobId> => {
  const row = submitRow(count);
  await coordinator.submit([row]);
  await time.pass(1);
  return row.job.id;
};

const success = (task: TaskId, value: unknown = 'done'): Parameters<typeof say>[1] => ({
  type: 'report',
  succeeded: [{ task, epoch: 3, attempt: 1, value, outputs: {}, exitCode: 0, log: null, usage }],
});

describe('a submit', () => {
  it('reaches a worker after its commit, under a grant that verifies, with its job beside it', async () => {
    const { socket } = await join();
    store.instant = false;
    const row = submitRow(2);
    const answer = coordinator.submit([row]);
    await time.pass(10);
    expect(socket.of('assign')).toEqual([]);
    await store.commit();
    expect(await answer).toMatchObject([{ ok: true, existing: false }]);
    await time.pass(0);
    const [frame] = socket.of('assign');
    expect(frame?.tasks.map(({ task }) => task).sort()).toEqual([`${row.job.id}.0`, `${row.job.id}.1`]);
    expect(frame?.jobs).toMatchObject([{ id: row.job.id, trusted: true, job: { entries: null, count: 2 } }]);
    const [welcome] = socket.of('welcome');
    const attempts = frame?.tasks.map(({ task, epoch, attempt }) => ({ task, epoch, attempt })) ?? [];
    expect(grants.verify(welcome?.worker ?? 'wkr_', '0'.repeat(32), { attempts, mac: frame?.mac ?? '' })).toBe(true);
  });

  it('of an array with stored entries carries the entry of each task', async () => {
    const { socket } = await join();
    const row = submitRow(2);
    const entries = { digest: `sha256:${'a'.repeat(64)}` };
    await coordinator.submit([{ ...row, job: { ...row.job, spec: { ...row.job.spec, entries } } }]);
    await time.pass(1);
    expect(
      socket
        .of('assign')
        .flatMap(({ tasks }) => tasks.map(({ entry }) => entry))
        .sort((a, b) => String(a?.['name']).localeCompare(String(b?.['name']))),
    ).toEqual([{ name: 'entry 0' }, { name: 'entry 1' }]);
  });

  it('is turned away while too much waits for the disk, and workers are not read', async () => {
    const { socket, sink } = await join();
    store.backlog = { rows: 60_000, bytes: 0 };
    say(sink, renewal());
    await time.pass(1);
    expect(socket.paused).toBe(true);
    expect(coordinator.ready).toBe(false);
    await expect(coordinator.submit([submitRow()])).rejects.toMatchObject({ code: 'OVERLOADED' });
    store.backlog = { rows: 0, bytes: 0 };
    say(sink, renewal());
    await time.pass(1);
    expect(socket.paused).toBe(false);
  });
});

describe('a result', () => {
  it('is acknowledged and shown after its commit, not before', async () => {
    const { socket, sink } = await join();
    const job = await submit();
    const events: JobEvent[] = [];
    coordinator.feed.onJob(job, (event) => events.push(event));
    store.instant = false;
    say(sink, success(`${job}.0`, 42));
    await time.pass(10);
    expect(socket.of('ack')).toEqual([]);
    expect(events).toEqual([]);
    await store.commit();
    await time.pass(0);
    expect(socket.of('ack')).toEqual([{ type: 'ack', attempts: [{ task: `${job}.0`, epoch: 3, attempt: 1 }] }]);
    expect(events).toMatchObject([
      { type: 'tasks', tasks: [{ id: `${job}.0`, state: 'succeeded', value: 42 }] },
      { type: 'job', job: { state: 'succeeded', counts: { succeeded: 1, active: 0 } } },
    ]);
    expect(coordinator.sizes.jobs).toBe(0);
  });

  it('that arrives twice is acknowledged the second time only when the first is durable', async () => {
    const { socket, sink } = await join();
    const job = await submit();
    store.instant = false;
    say(sink, success(`${job}.0`));
    await time.pass(1);
    say(sink, success(`${job}.0`));
    await time.pass(1);
    expect(socket.of('ack')).toEqual([]);
    await store.commit();
    await time.pass(0);
    expect(socket.of('ack').length).toBeGreaterThan(0);
  });

  it('that the store refuses is not shown, and its job is read back', async () => {
    const { sink } = await join();
    const job = await submit();
    const events: JobEvent[] = [];
    coordinator.feed.onJob(job, (event) => events.push(event));
    store.refuse = (fact) => fact.type === 'task.settled' || fact.type === 'job.counted';
    say(sink, success(`${job}.0`));
    await time.pass(5);
    expect(events).toEqual([]);
    expect(coordinator.sizes).toMatchObject({ jobs: 0, writes: 0 });
  });
});

describe('what runs now', () => {
  it('shows its log lines and progress to subscribers, and to late ones what came before', async () => {
    const { sink } = await join();
    const job = await submit();
    const events: JobEvent[] = [];
    coordinator.feed.onJob(job, (event) => events.push(event));
    const ref = { task: `${job}.0` as const, epoch: 3, attempt: 1 };
    say(sink, {
      type: 'report',
      started: [ref],
      log: [
        { ...ref, stream: 'stdout', text: 'hello' },
        { ...ref, attempt: 9, stream: 'stdout', text: 'not mine' },
      ],
    });
    say(sink, renewal([{ ...ref, progress: 0.5, note: 'half' }]));
    await time.pass(200);
    expect(events.filter(({ type }) => type === 'log')).toMatchObject([{ lines: [{ task: `${job}.0`, text: 'hello' }] }]);
    expect(events.filter(({ type }) => type === 'progress')).toMatchObject([{ tasks: [{ progress: 0.5, note: 'half' }] }]);
    expect(coordinator.live.recent(job).map(({ text }) => text)).toEqual(['hello']);
    say(sink, success(`${job}.0`));
    await time.pass(5);
    expect(coordinator.live.recent(job)).toEqual([]);
  });

  it('says how much was left out of a flood of lines', async () => {
    const { sink } = await join();
    const job = await submit();
    const lines: string[] = [];
    coordinator.feed.onJob(job, (event) => {
      if (event.type === 'log') lines.push(...event.lines.map(({ text }) => text));
    });
    const ref = { task: `${job}.0` as const, epoch: 3, attempt: 1 };
    say(sink, { type: 'report', log: Array.from({ length: limits.recordsPerFrame }, (_, at) => ({ ...ref, stream: 'stdout' as const, text: `line ${at}` })) });
    await time.pass(200);
    expect(lines.length).toBeLessThan(250);
    expect(lines.at(-1)).toBe('line 1999');
    expect(lines.some((text) => /lines left out/.test(text))).toBe(true);
  });
});

describe('stopping', () => {
  it('tells workers, gives nothing new, waits for what runs, and ends', async () => {
    const { socket, sink } = await join(1);
    const job = await submit(3);
    expect(socket.of('assign').length).toBeGreaterThan(0);
    const given = socket.of('assign').flatMap(({ tasks }) => tasks).length;
    const drained = coordinator.drain();
    await time.pass(100);
    expect(socket.of('draining')).toHaveLength(1);
    await expect(coordinator.submit([submitRow()])).rejects.toBeInstanceOf(UdcsError);
    for (const { task } of socket.of('assign').flatMap(({ tasks }) => tasks)) say(sink, success(task));
    await time.pass(200);
    await drained;
    expect(socket.closedWith?.code).toBe(1013);
    expect(socket.of('assign').flatMap(({ tasks }) => tasks)).toHaveLength(given);
    expect(store.written.filter((fact) => fact.type === 'task.settled' && fact.job === job)).toHaveLength(given);
  });

  it('waits no longer than it was told to', async () => {
    await join();
    await submit();
    let done = false;
    const drained = coordinator.drain(1_000).then(() => {
      done = true;
    });
    await time.pass(900);
    expect(done).toBe(false);
    await time.pass(200);
    await drained;
    expect(done).toBe(true);
  });

  it('at once when the store dies', async () => {
    const { sink } = await join();
    const job = await submit();
    store.write = () => Promise.reject(new UdcsError('STORE_UNAVAILABLE', 'fsync failed'));
    say(sink, success(`${job}.0`));
    await time.pass(1);
    await settle();
    expect(fatal?.message).toBe('fsync failed');
    expect(coordinator.ready).toBe(false);
  });
});
