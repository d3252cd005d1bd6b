// The gateway and its sessions with a scripted worker on the other end: what is refused, what gets through, what never breaks.
import { type FromWorker, limits, type WorkerId } from '@udcs/protocol';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { WorkerIntroduction } from '../core/seam.ts';
import { FakeSocket, FakeTime, gatewayFor, grants, HOST_KEY, hello, renewal, say } from './fixture.ts';
import type { Gateway } from './gateway.ts';
import { workerIdOf } from './grants.ts';
import type { ConnectionSink } from './seam.ts';
import { type Intake, outFrame, type WorkerLink } from './worker-session.ts';

class Ledger implements Intake {
  draining = false;
  readonly introductions: WorkerIntroduction[] = [];
  readonly links: WorkerLink[] = [];
  readonly said: FromWorker[] = [];
  readonly closes: WorkerId[] = [];

  joined(link: WorkerLink, introduction: WorkerIntroduction): void {
    this.links.push(link);
    this.introductions.push(introduction);
  }

  heard(_worker: WorkerId, message: FromWorker): void {
    this.said.push(message);
  }

  closed(worker: WorkerId): void {
    this.closes.push(worker);
  }
}

let time: FakeTime;
let intake: Ledger;
let gateway: Gateway;
let socket: FakeSocket;
let sink: ConnectionSink;

beforeEach(() => {
  time = new FakeTime();
  intake = new Ledger();
  gateway = gatewayFor(intake, time);
  socket = new FakeSocket();
  sink = gateway.open(socket);
});

const refusal = (): { code: string; retryMs: number | null } | undefined => socket.of('refused')[0];

describe('a worker that says hello', () => {
  it('joins with its host, its network and an id of its start', async () => {
    say(sink, hello());
    await time.pass(0);
    expect(intake.introductions).toMatchObject([
      { worker: workerIdOf(HOST_KEY, '0'.repeat(32)), owner: 'own_a', network: '192.0.2.0/24', name: 'bench', holding: [], unproven: [] },
    ]);
    expect(gateway).toMatchObject({ joined: 1, strangers: 0 });
  });

  it('keeps the order of frames that arrive while its key is looked up', async () => {
    say(sink, hello());
    for (const digit of ['1', '2', '3']) say(sink, { type: 'cache', added: [`sha256:${digit.repeat(64)}`], dropped: [] });
    expect(intake.said).toEqual([]);
    await time.pass(0);
    expect(intake.said.map((message) => (message.type === 'cache' ? message.added[0]?.at(-1) : message.type))).toEqual(['1', '2', '3']);
  });

  it('is told everything only after its welcome', async () => {
    say(sink, hello());
    await time.pass(0);
    const [link] = intake.links;
    link?.send(outFrame({ type: 'ack', attempts: [] }));
    link?.send(outFrame({ type: 'welcome', version: 1, worker: link.worker, epoch: 1, leaseMs: 15_000, renewMs: 5_000, adopted: [], dropped: [] }));
    expect(socket.messages.map(({ type }) => type)).toEqual(['welcome', 'ack']);
  });

  it('has its held attempts sorted by what its grants prove', async () => {
    const worker = workerIdOf(HOST_KEY, '0'.repeat(32));
    const task = `job_${'a'.repeat(26)}.0` as const;
    const attempts = [{ task, epoch: 1, attempt: 1 }];
    const mac = grants.mac(worker, '0'.repeat(32), attempts);
    say(
      sink,
      hello({
        holding: [
          { task, epoch: 1, attempt: 1, state: 'running' },
          { task, epoch: 1, attempt: 2, state: 'finished' },
        ],
        grants: [{ attempts, mac }],
      }),
    );
    await time.pass(0);
    expect(intake.introductions[0]).toMatchObject({ holding: [{ ref: attempts[0], state: 'running' }], unproven: [{ task, epoch: 1, attempt: 2 }] });
  });
});

describe('a worker that is turned away is told why', () => {
  it.each([
    ['an unknown key', hello({ key: 'stolen key' }), 'UNAUTHENTICATED', 4003],
    ['the key of another host', hello({ hostKey: 'cd'.repeat(32) }), 'FORBIDDEN', 4003],
    ['the key of another kind', hello({ kind: 'browser' }), 'FORBIDDEN', 4003],
    ['versions that are not spoken here', hello({ versions: [7, 9] }), 'UNSUPPORTED', 4003],
    ['a first frame that is no hello', renewal(), 'UNAUTHENTICATED', 1008],
  ])('%s', async (_what, message, code, closeCode) => {
    say(sink, message);
    await time.pass(0);
    expect(refusal()).toMatchObject({ code });
    expect(socket.closedWith?.code).toBe(closeCode);
    expect(intake.introductions).toEqual([]);
    expect(gateway).toMatchObject({ joined: 0, strangers: 0 });
  });

  it.each([
    ['no JSON', 'hello?', 1008],
    ['an unknown type', '{"type":"hack"}', 1008],
    ['an unknown field', JSON.stringify({ ...hello(), admin: true }), 1008],
    ['brackets without end', '['.repeat(500_000), 1008],
    ['a frame over the limit', `"${'x'.repeat(limits.controlFrameBytes)}"`, 1009],
  ])('%s', async (_what, text, closeCode) => {
    sink.frame(text);
    await time.pass(0);
    expect(refusal()?.code).toMatch(/INVALID_INPUT|TOO_LARGE/);
    expect(socket.closedWith?.code).toBe(closeCode);
  });

  it('silence for five seconds', async () => {
    await time.pass(limits.authMs - 1);
    expect(socket.closedWith).toBeNull();
    await time.pass(1);
    expect(socket.closedWith?.code).toBe(1008);
  });

  it('a hello while the coordinator stops, with a time to come back', async () => {
    intake.draining = true;
    say(sink, hello());
    await time.pass(0);
    expect(refusal()).toMatchObject({ code: 'OVERLOADED', retryMs: 2_000 });
  });

  it('a second hello', async () => {
    say(sink, hello());
    await time.pass(0);
    say(sink, hello());
    expect(refusal()?.code).toBe('INVALID_INPUT');
    expect(intake.closes).toHaveLength(1);
  });
});

describe('connections of the same host', () => {
  it('of the same start: the newer one replaces the older, and nobody hears a close', async () => {
    say(sink, hello());
    await time.pass(0);
    const second = new FakeSocket();
    const again = gateway.open(second);
    say(again, hello());
    await time.pass(0);
    expect(socket.closedWith?.code).toBe(4001);
    sink.closed();
    say(sink, renewal());
    expect(intake.closes).toEqual([]);
    expect(intake.said).toEqual([]);
    expect(gateway.joined).toBe(1);
    again.closed();
    expect(intake.closes).toHaveLength(1);
  });

  it('of another start: two workers', async () => {
    say(sink, hello());
    const second = gateway.open(new FakeSocket());
    say(second, hello({ instance: '1'.repeat(32) }));
    await time.pass(0);
    expect(gateway.joined).toBe(2);
    expect(new Set(intake.introductions.map(({ host }) => host)).size).toBe(1);
  });
});

describe('a worker that overdoes it', () => {
  it('is read more slowly, then cut off', async () => {
    say(sink, hello());
    await time.pass(0);
    for (let frame = 0; frame < 250; frame++) say(sink, renewal());
    expect(socket.paused).toBe(true);
    expect(socket.closedWith).toBeNull();
    await time.pass(1_000);
    expect(socket.paused).toBe(false);
    for (let frame = 0; frame < 2_000; frame++) say(sink, renewal());
    expect(refusal()?.code).toBe('RATE_LIMITED');
  });

  it('and does not read what it is sent, is held back and then cut off', async () => {
    say(sink, hello());
    await time.pass(0);
    const [link] = intake.links;
    link?.send(outFrame({ type: 'welcome', version: 1, worker: link.worker, epoch: 1, leaseMs: 1, renewMs: 1, adopted: [], dropped: [] }));
    socket.bufferedBytes = 2 * 1024 * 1024;
    link?.send({ type: 'ack', text: '{"type":"ack","attempts":[]}', tasks: 0 });
    expect(socket.sent).toHaveLength(1);
    socket.bufferedBytes = 0;
    await time.pass(20);
    expect(socket.sent).toHaveLength(2);
    socket.bufferedBytes = 2 * 1024 * 1024;
    for (let frame = 0; frame < 7; frame++) link?.send({ type: 'ack', text: 'x'.repeat(1024 * 1024), tasks: 0 });
    expect(socket.closedWith?.code).toBe(1013);
    expect(intake.closes).toHaveLength(1);
  });
});

it('breaks at nothing that is sent to it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(fc.string(), fc.json(), fc.constantFrom(JSON.stringify(hello()), JSON.stringify(renewal()), '{"type":"report","__proto__":{"admin":true}}')),
      ),
      async (frames) => {
        const fresh = new FakeSocket();
        const end = gateway.open(fresh);
        for (const text of frames) end.frame(text);
        await time.pass(10);
        end.closed();
        expect(({} as { admin?: boolean }).admin).toBeUndefined();
      },
    ),
  );
  expect(gateway).toMatchObject({ joined: 0, strangers: 1 });
});
