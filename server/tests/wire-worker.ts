// A worker of a few lines that speaks the wire, for tests of the coordinator: joins with an invite like a real one and answers
// assignments as the test says. It runs nothing.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { type Assignment, type Capabilities, type FromWorker, PROTOCOL_VERSION, type ToWorker, WORKER_SUBPROTOCOL } from '@udcs/protocol';
import { WebSocket } from 'ws';

export interface KeyPair {
  readonly publicKey: string;
  readonly hostKey: string;
  sign(code: string): string;
}

export function makeKeyPair(format: 'spki' | 'raw' = 'spki'): KeyPair {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
  const bytes = format === 'spki' ? spki : spki.subarray(spki.length - 65);
  return {
    publicKey: bytes.toString('base64url'),
    hostKey: createHash('sha256').update(bytes).digest('hex'),
    sign: (code) => sign('sha256', Buffer.from(code), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  };
}

const GiB = 1024 ** 3;
const load = { cpuOthers: 0, memoryFreeBytes: 8 * GiB, diskFreeBytes: 8 * GiB, battery: null, throttle: 1, devices: [] };

const capabilities = (patch: Partial<Capabilities> = {}): Capabilities => ({
  types: ['MOCK', 'WASM'],
  untrustedTypes: ['MOCK', 'WASM'],
  attributes: { kind: 'native', 'os.name': 'linux', arch: 'x64', isolation: ['none', 'process', 'wasm'], limits: 'enforced' },
  devices: [],
  pools: { slots: 4, cpus: 4, memoryBytes: 8 * GiB, diskBytes: 8 * GiB },
  ...patch,
});

export interface WireWorker {
  readonly worker: string;
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Says goodbye, so that it is gone at once and not after its grace; resolves when it is. */
  close(): Promise<void>;
}

export interface WireWorkerOptions {
  readonly url: string;
  readonly key: string;
  readonly hostKey: string;
  readonly kind?: 'native' | 'browser';
  readonly name?: string;
  readonly capabilities?: Capabilities;
  /** What to report for an assignment; null = nothing yet. */
  readonly onTask?: (task: Assignment, send: (frame: FromWorker) => void) => void;
}

/** Connects, says hello and waits for the welcome. Rejects with the refusal. */
export async function connectWorker(options: WireWorkerOptions): Promise<WireWorker> {
  const socket = new WebSocket(`${options.url.replace('http', 'ws')}/ws/worker`, WORKER_SUBPROTOCOL);
  const send = (frame: FromWorker): void => socket.send(JSON.stringify(frame));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })));
  const worker = await new Promise<string>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () =>
      send({
        type: 'hello',
        versions: [PROTOCOL_VERSION],
        key: options.key,
        kind: options.kind ?? 'native',
        name: options.name ?? 'wire worker',
        hostKey: options.hostKey,
        instance: randomBytes(16).toString('hex'),
        software: 'test/1',
        capabilities: options.capabilities ?? capabilities(),
        load,
        cached: [],
        holding: [],
        grants: [],
      }),
    );
    socket.on('message', (data) => {
      const frame = JSON.parse(data.toString()) as ToWorker;
      if (frame.type === 'welcome') resolve(frame.worker);
      if (frame.type === 'refused') reject(new Error(`${frame.code}: ${frame.message}`));
      if (frame.type === 'assign') for (const task of frame.tasks) (options.onTask ?? succeed)(task, send);
      if (frame.type === 'cancel' || frame.type === 'revoke') send({ type: 'report', released: [...frame.attempts] });
    });
  });
  const close = async (): Promise<void> => {
    if (socket.readyState === WebSocket.OPEN) send({ type: 'intent', intent: 'leave' });
    socket.close();
    await closed;
  };
  return { worker, closed, close };
}

const usage = { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} };
const refOf = ({ task, epoch, attempt }: Assignment) => ({ task, epoch, attempt });

export const succeed = (task: Assignment, send: (frame: FromWorker) => void): void =>
  send({ type: 'report', started: [refOf(task)], succeeded: [{ ...refOf(task), value: { index: task.index }, outputs: {}, exitCode: 0, log: null, usage }] });

export const failTask = (task: Assignment, send: (frame: FromWorker) => void): void =>
  send({
    type: 'report',
    started: [refOf(task)],
    failed: [{ ...refOf(task), code: 'EXIT_CODE', message: 'exit code 1', exitCode: 1, signal: null, log: null, usage: null }],
  });
