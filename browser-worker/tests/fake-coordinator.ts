// A coordinator small enough to read: join, the worker wire with real grants and acks, artifacts, and the bundle with its
// policies. It schedules nothing; a test says what is assigned and looks at every frame that came.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import {
  type AttemptRef,
  type FromWorker,
  fromWorkerSchema,
  type Hello,
  type Job,
  jobSchema,
  makeId,
  normalizeJob,
  type SuccessReport,
  type ToWorker,
  WORKER_SUBPROTOCOL,
  type WorkerReport,
} from '@udcs/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

const BUNDLE = join(import.meta.dirname, '..', 'dist', 'bundle');
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  css: 'text/css',
  json: 'application/json',
  txt: 'text/plain',
};

export const CODE = 'donate-code-for-tests';

interface Peer {
  readonly socket: WebSocket;
  hello: Hello | null;
}

export class FakeCoordinator {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly blobs = new Map<string, Buffer>();
  /** Every frame, in order, with its arrival time. */
  readonly frames: { readonly frame: FromWorker; readonly atMs: number }[] = [];
  readonly joins: unknown[] = [];
  /** `<method> <path>` of every request. */
  readonly requests: string[] = [];
  readonly hellos: Hello[] = [];
  readonly #waiters = new Set<() => void>();
  #peers: Peer[] = [];
  #closed = 0;
  #attempts = 0;
  /** Acknowledge results at once. */
  acks = true;
  renewMs = 500;
  url = '';

  constructor() {
    this.#server = createServer((request, response) => this.#onRequest(request, response));
    this.#sockets = new WebSocketServer({ noServer: true, handleProtocols: () => WORKER_SUBPROTOCOL });
    this.#server.on('upgrade', (request, socket, head) => this.#sockets.handleUpgrade(request, socket, head, (peer) => this.#onSocket(peer)));
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.url = `http://localhost:${address.port}`;
  }

  async close(): Promise<void> {
    for (const { socket } of this.#peers) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get closedSockets(): number {
    return this.#closed;
  }

  get connected(): number {
    return this.#peers.length;
  }

  cutConnections(): void {
    for (const { socket } of this.#peers) socket.terminate();
  }

  addBlob(bytes: Uint8Array): `sha256:${string}` {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
    this.blobs.set(digest, Buffer.from(bytes));
    return digest;
  }

  /** Assigns tasks of one job to the newest worker; returns their attempts. */
  assign(job: Job, indexes: readonly number[] = [0]): AttemptRef[] {
    const spec = normalizeJob(jobSchema.parse(job));
    const id = makeId('job', Date.now(), randomBytes(10)) as `job_${string}`;
    const refs = indexes.map((index) => ({ task: `${id}.${index}` as const, epoch: 1, attempt: ++this.#attempts }));
    const tasks = refs.map((ref, at) => ({ ...ref, variant: 0, index: indexes[at] as number }));
    this.send({ type: 'assign', jobs: [{ id, owner: 'tester', trusted: false, job: { ...spec } }], tasks, mac: `mac-${refs[0]?.attempt}` });
    return refs;
  }

  send(frame: ToWorker): void {
    this.#peers.at(-1)?.socket.send(JSON.stringify(frame));
  }

  reports(): WorkerReport[] {
    return this.frames.flatMap(({ frame }) => (frame.type === 'report' ? [frame] : []));
  }

  succeeded(): SuccessReport[] {
    return this.reports().flatMap((report) => report.succeeded ?? []);
  }

  /** The first non-null answer of `look`, asked after every frame and every socket change. */
  async until<T>(what: string, look: () => T | null | undefined | false | Promise<T | null | undefined | false>, withinMs = 20_000): Promise<T> {
    const untilMs = Date.now() + withinMs;
    for (;;) {
      const found = await look();
      if (found !== null && found !== undefined && found !== false) return found;
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0)
        throw new Error(
          `waited ${withinMs} ms in vain for: ${what}\nlast frames: ${this.frames
            .slice(-4)
            .map(({ frame }) => JSON.stringify(frame).slice(0, 600))
            .join('\n')}`,
        );
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiters.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, Math.min(leftMs, 100));
        this.#waiters.add(wake);
      });
    }
  }

  settledOf(ref: AttemptRef): Promise<{ readonly succeeded?: SuccessReport; readonly failed?: NonNullable<WorkerReport['failed']>[number] }> {
    const same = (other: AttemptRef): boolean => other.task === ref.task && other.attempt === ref.attempt;
    return this.until(`the end of ${ref.task}`, () => {
      const succeeded = this.succeeded().find(same);
      const failed = this.reports()
        .flatMap((report) => report.failed ?? [])
        .find(same);
      return succeeded !== undefined ? { succeeded } : failed !== undefined ? { failed } : null;
    });
  }

  #onSocket(socket: WebSocket): void {
    const peer: Peer = { socket, hello: null };
    this.#peers.push(peer);
    socket.on('message', (data) => {
      const frame = fromWorkerSchema.parse(JSON.parse(String(data)));
      this.frames.push({ frame, atMs: Date.now() });
      this.#answer(peer, frame);
      this.#wake();
    });
    socket.on('close', () => {
      this.#peers = this.#peers.filter((other) => other !== peer);
      this.#closed++;
      this.#wake();
    });
  }

  #answer(peer: Peer, frame: FromWorker): void {
    if (frame.type === 'hello') {
      peer.hello = frame;
      this.hellos.push(frame);
      const adopted = frame.holding.map(({ task, epoch, attempt }) => ({ task, epoch, attempt }));
      const welcome: ToWorker = {
        type: 'welcome',
        version: 1,
        worker: makeId('wkr', Date.now(), randomBytes(10)) as `wkr_${string}`,
        epoch: 1,
        leaseMs: 15_000,
        renewMs: this.renewMs,
        adopted,
        dropped: [],
      };
      peer.socket.send(JSON.stringify(welcome));
    }
    if (frame.type !== 'report' || !this.acks) return;
    const attempts = [...(frame.succeeded ?? []), ...(frame.failed ?? [])].map(({ task, epoch, attempt }) => ({ task, epoch, attempt }));
    if (attempts.length > 0) peer.socket.send(JSON.stringify({ type: 'ack', attempts } satisfies ToWorker));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    this.requests.push(`${request.method} ${path}`);
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-embedder-policy', 'require-corp');
    response.setHeader('cross-origin-resource-policy', 'same-origin');
    if (path.startsWith('/worker/')) this.#serveBundle(path.slice('/worker/'.length), response);
    else if (path.startsWith('/artifacts/')) this.#onArtifact(request, path.slice('/artifacts/'.length), response);
    else if (path === '/api/v1/join') this.#onJoin(request, response);
    else response.writeHead(404).end();
  }

  #serveBundle(name: string, response: ServerResponse): void {
    const manifest = JSON.parse(readFileSync(join(BUNDLE, 'manifest.json'), 'utf8')) as { policies: Record<string, string>; files: { name: string }[] };
    if (name !== 'manifest.json' && !manifest.files.some((file) => file.name === name)) return void response.writeHead(404).end();
    const policy = manifest.policies[name];
    if (policy !== undefined) response.setHeader('content-security-policy', policy);
    response.setHeader('content-type', TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream');
    response.end(readFileSync(join(BUNDLE, name)));
  }

  #onArtifact(request: IncomingMessage, digest: string, response: ServerResponse): void {
    if (request.headers.authorization !== 'Bearer worker-key-for-tests' || typeof request.headers['x-udcs-attempt'] !== 'string')
      return void response.writeHead(401).end();
    if (request.method === 'GET') {
      const blob = this.blobs.get(digest);
      if (blob === undefined) return void response.writeHead(404).end();
      return void response.end(blob);
    }
    void bodyOf(request).then((bytes) => {
      this.addBlob(bytes);
      response.writeHead(201).end('{}');
    });
  }

  #onJoin(request: IncomingMessage, response: ServerResponse): void {
    void bodyOf(request).then((bytes) => {
      const body = JSON.parse(bytes.toString()) as { code: string; publicKey: string };
      this.joins.push(body);
      response.setHeader('content-type', 'application/json');
      if (body.code !== CODE) return response.writeHead(403).end(JSON.stringify({ error: { code: 'FORBIDDEN', message: 'This invite is not known.' } }));
      const hostKey = createHash('sha256').update(Buffer.from(body.publicKey, 'base64url')).digest('hex');
      return response.end(JSON.stringify({ key: 'worker-key-for-tests', hostKey }));
    });
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
