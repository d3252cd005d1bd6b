// What tests of the shell stand on: time that moves when told to, a socket that writes down, a store in memory whose commits
// happen when told to. Used by tests only.
import type { Capabilities, FromWorker, JobId, Load, ToWorker } from '@udcs/protocol';
import { makeId, normalizeJob, toWorkerSchema } from '@udcs/protocol';
import type { Fact } from '../core/seam.ts';
import type { StoreWriter, SubmitOutcome, SubmitRow } from '../store/store.ts';
import { createGateway, type Gateway } from './gateway.ts';
import { hmacGrants } from './grants.ts';
import { outputCheck } from './output-check.ts';
import type { Clock, Connection, ConnectionSink, Journal, Timers, WorkerKey } from './seam.ts';
import type { Intake } from './worker-session.ts';

export class FakeTime implements Clock, Timers {
  private nowMs = 1_000;
  private readonly planned: { atMs: number; fn: () => void; canceled: boolean }[] = [];

  monoMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs + 1_700_000_000_000;
  }

  wakeAt(monoMs: number, fn: () => void): { cancel(): void } {
    const item = { atMs: monoMs, fn, canceled: false };
    this.planned.push(item);
    return {
      cancel: () => {
        item.canceled = true;
      },
    };
  }

  soon(fn: () => void): void {
    this.wakeAt(this.nowMs, fn);
  }

  /** Lets time pass; everything due happens in order, and promises settle in between. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await settle();
    for (;;) {
      const next = this.planned.filter((item) => !item.canceled && item.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.planned.splice(this.planned.indexOf(next), 1);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.fn();
      await settle();
    }
    this.nowMs = untilMs;
  }
}

export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn++) await undefined;
};

export class FakeSocket implements Connection {
  remoteAddress = '192.0.2.7';
  bufferedBytes = 0;
  readonly sent: string[] = [];
  closedWith: { code: number; reason: string } | null = null;
  paused = false;

  send(text: string): void {
    this.sent.push(text);
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  /** Everything sent so far, checked against the wire's schema. */
  get messages(): ToWorker[] {
    return this.sent.map((text) => toWorkerSchema.parse(JSON.parse(text)));
  }

  of<T extends ToWorker['type']>(type: T): Extract<ToWorker, { type: T }>[] {
    return this.messages.filter((message): message is Extract<ToWorker, { type: T }> => message.type === type);
  }
}

const load: Load = { cpuOthers: 0, memoryFreeBytes: 8e9, diskFreeBytes: 1e11, battery: null, throttle: 1, devices: [] };
const capabilities = (slots: number): Capabilities => ({
  types: ['MOCK'],
  untrustedTypes: ['MOCK'],
  attributes: { kind: 'native' },
  devices: [],
  pools: { slots, cpus: slots, memoryBytes: slots * 1e9, diskBytes: 1e12 },
});

export const HOST_KEY = 'ab'.repeat(32);
export const hello = (overrides: Partial<Extract<FromWorker, { type: 'hello' }>> = {}, slots = 2): Extract<FromWorker, { type: 'hello' }> => ({
  type: 'hello',
  versions: [1],
  key: 'good key',
  kind: 'native',
  name: 'bench',
  hostKey: HOST_KEY,
  instance: '0'.repeat(32),
  software: 'fixture/1',
  capabilities: capabilities(slots),
  load,
  cached: [],
  holding: [],
  grants: [],
  ...overrides,
});

export const renewal = (attempts: Extract<FromWorker, { type: 'renew' }>['attempts'] = []): FromWorker => ({ type: 'renew', load, attempts });

export const grants = hmacGrants(new Uint8Array(32).fill(1));
export const quiet: Journal = { note: () => undefined };

export function gatewayFor(
  intake: Intake,
  time: FakeTime,
  keys: Readonly<Record<string, WorkerKey>> = { 'good key': { owner: 'own_a', hostKey: HOST_KEY, kind: 'native' } },
): Gateway {
  return createGateway(
    {
      clock: time,
      timers: time,
      keys: { lookup: (key) => Promise.resolve(keys[key] ?? null) },
      grants,
      outputs: outputCheck({ missing: (digests) => Promise.resolve(digests.filter((digest) => digest.endsWith('0'))) }),
      journal: quiet,
      messagesPerSecond: 100,
    },
    intake,
  );
}

export const say = (sink: ConnectionSink, message: FromWorker): void => sink.frame(JSON.stringify(message));

/** A store that commits when `commit` is called, or at once while `instant`. */
export class FakeStore implements StoreWriter {
  instant = true;
  backlog = { rows: 0, bytes: 0 };
  readonly written: Fact[] = [];
  refuse: (fact: Fact) => boolean = () => false;
  private readonly waiting: (() => void)[] = [];

  boot(): ReturnType<StoreWriter['boot']> {
    return Promise.resolve({ epoch: 3, jobs: [], ended: {} });
  }

  submit(rows: readonly SubmitRow[]): Promise<readonly SubmitOutcome[]> {
    return this.later(() => rows.map(({ job }) => ({ ok: true, existing: false, job: { ...job, upstreamEnded: {} } })));
  }

  cancel(): Promise<{ canceled: boolean }> {
    return this.later(() => ({ canceled: true }));
  }

  write(facts: readonly Fact[]): Promise<readonly Fact[]> {
    return this.later(() => {
      this.written.push(...facts.filter((fact) => !this.refuse(fact)));
      return facts.filter((fact) => this.refuse(fact));
    });
  }

  reload(): ReturnType<StoreWriter['reload']> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async commit(): Promise<void> {
    for (const run of this.waiting.splice(0)) run();
    await settle();
  }

  private later<T>(make: () => T): Promise<T> {
    if (this.instant) return Promise.resolve().then(make);
    return new Promise((resolve) => {
      this.waiting.push(() => resolve(make()));
    });
  }
}

let born = 0;
export function submitRow(count = 1): SubmitRow & { readonly job: { readonly id: JobId } } {
  const random = new Uint8Array(10).fill(++born);
  const id = makeId('job', 1_700_000_000_000, random) as JobId;
  const spec = normalizeJob({ type: 'MOCK', spec: {}, array: { count }, resources: { cpus: 1, memoryBytes: 1, diskBytes: 0 } });
  return { job: { id, owner: 'own_a', spec, submittedAtMs: 1_700_000_000_000 }, idempotencyKey: null, payloadHash: 'hash' };
}
