// A coordinator of two dozen lines per duty, for protocol tests: it answers joins, serves and takes artifacts, speaks the
// worker wire with the real schemas, and does exactly what a test tells it. It schedules nothing.
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type AttemptRef,
  type Digest,
  type FromWorker,
  fromWorkerSchema,
  type Hello,
  type Job,
  jobSchema,
  makeId,
  normalizeJob,
  type ToWorker,
  taskIdOf,
  WORKER_SUBPROTOCOL,
  type WorkerReport,
} from '@udcs/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

type Success = NonNullable<WorkerReport['succeeded']>[number];
type Failure = NonNullable<WorkerReport['failed']>[number];
export type Ended =
  | { kind: 'succeeded'; report: Success }
  | { kind: 'failed'; report: Failure }
  | { kind: 'rejected'; code: string; message: string }
  | { kind: 'released' };

export interface Assigned {
  readonly ref: AttemptRef;
  readonly name: string;
}

const nameOf = (ref: AttemptRef): string => `${ref.task}/${ref.epoch}/${ref.attempt}`;

export class FakeCoordinator {
  readonly frames: FromWorker[] = [];
  readonly hellos: Hello[] = [];
  readonly artifacts = new Map<string, Buffer>();
  readonly ended = new Map<string, Ended>();
  /** Every report of an end that came, also repeated ones. */
  readonly reports: string[] = [];
  readonly worker = makeId('wkr', Date.now(), randomBytes(10));
  /** Acknowledge results by itself. */
  acking = true;
  epoch = 1;
  /** What a welcome says of held attempts. */
  adopt: (ref: AttemptRef) => boolean = () => true;
  #http: Server;
  #sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has(WORKER_SUBPROTOCOL) ? WORKER_SUBPROTOCOL : false) });
  #socket: WebSocket | null = null;
  #watchers = new Set<() => void>();
  #port = 0;

  constructor() {
    this.#http = this.#makeServer();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get joinUrl(): string {
    return `${this.url}/join#code-for-tests`;
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#http.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#http.address() as AddressInfo).port;
    return this;
  }

  /** As a crash looks from outside: sockets break, the port closes. */
  async crash(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
    this.#http = this.#makeServer();
  }

  dropSocket(): void {
    this.#socket?.terminate();
  }

  send(message: ToWorker): void {
    this.#socket?.send(JSON.stringify(message));
  }

  put(bytes: Uint8Array): Digest {
    const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    this.artifacts.set(digest, Buffer.from(bytes));
    return digest;
  }

  /** Assigns tasks `from` … `from + count - 1` of a job in one frame. */
  assign(job: Job, options: { count?: number; trusted?: boolean; owner?: string; id?: string } = {}): [Assigned, ...Assigned[]] {
    const spec = normalizeJob(jobSchema.parse(job));
    const id = (options.id ?? makeId('job', Date.now(), randomBytes(10))) as `job_${string}`;
    const tasks = Array.from({ length: options.count ?? spec.count }, (_, index) => ({
      task: taskIdOf(id, String(index)),
      epoch: this.epoch,
      attempt: 1,
      variant: 0,
      index,
      ...(Array.isArray(spec.entries) ? { entry: spec.entries[index] } : {}),
    }));
    const header = { id, owner: options.owner ?? 'own_test', trusted: options.trusted ?? false, job: { ...spec } };
    this.send({ type: 'assign', jobs: [header], tasks, mac: 'mac-of-tests' });
    const assigned = tasks.map(({ task, epoch, attempt }) => ({ ref: { task, epoch, attempt }, name: nameOf({ task, epoch, attempt }) }));
    const [first, ...rest] = assigned;
    if (first === undefined) throw new Error('a job without tasks was assigned');
    return [first, ...rest];
  }

  /** Resolves with the first thing `look` finds, now or after a later frame. */
  async until<T>(look: () => T | undefined | null | false, what: string, timeoutMs = 20_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const watcher = (): void => {
        const found = look();
        if (found === undefined || found === null || found === false) return;
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(watcher);
        reject(new Error(`waited ${timeoutMs} ms for ${what}; last frames: ${JSON.stringify(this.frames.slice(-5)).slice(0, 2_000)}`));
      }, timeoutMs);
      this.#watchers.add(watcher);
      watcher();
    });
  }

  endOf(assigned: Assigned | undefined, timeoutMs?: number): Promise<Ended> {
    if (assigned === undefined) throw new Error('no such task was assigned');
    return this.until(() => this.ended.get(assigned.name), `the end of ${assigned.name}`, timeoutMs);
  }

  joined(count = 1): Promise<Hello> {
    return this.until(() => this.hellos[count - 1], `hello number ${count}`);
  }

  logOf(assigned: Assigned): string {
    return this.frames
      .flatMap((frame) => (frame.type === 'report' ? (frame.log ?? []) : []))
      .filter((line) => nameOf(line) === assigned.name)
      .map((line) => line.text)
      .join('');
  }

  async close(): Promise<void> {
    await this.crash();
  }

  #makeServer(): Server {
    const server = createServer((request, response) => void this.#answer(request, response));
    server.on('upgrade', (request, socket, head) => this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#connected(ws)));
    return server;
  }

  #connected(socket: WebSocket): void {
    this.#socket = socket;
    socket.on('message', (data) => {
      const frame = fromWorkerSchema.parse(JSON.parse(String(data)));
      this.frames.push(frame);
      if (frame.type === 'hello') this.#welcome(frame);
      if (frame.type === 'report') this.#take(frame);
      for (const watcher of [...this.#watchers]) watcher();
    });
  }

  #welcome(hello: Hello): void {
    this.hellos.push(hello);
    const held = hello.holding.map(({ task, epoch, attempt }) => ({ task, epoch, attempt }));
    this.send({
      type: 'welcome',
      version: 1,
      worker: this.worker,
      epoch: this.epoch,
      leaseMs: 15_000,
      renewMs: 500,
      adopted: held.filter(this.adopt),
      dropped: held.filter((ref) => !this.adopt(ref)),
    });
  }

  #take(report: WorkerReport): void {
    const acks: AttemptRef[] = [];
    const end = (ref: AttemptRef, ended: Ended): void => {
      this.ended.set(nameOf(ref), ended);
      this.reports.push(nameOf(ref));
      acks.push({ task: ref.task, epoch: ref.epoch, attempt: ref.attempt });
    };
    for (const one of report.succeeded ?? []) end(one, { kind: 'succeeded', report: one });
    for (const one of report.failed ?? []) end(one, { kind: 'failed', report: one });
    for (const one of report.rejected ?? []) this.ended.set(nameOf(one), { kind: 'rejected', code: one.code, message: one.message });
    for (const one of report.released ?? []) this.ended.set(nameOf(one), { kind: 'released' });
    if (this.acking && acks.length > 0) this.send({ type: 'ack', attempts: acks });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = request.url ?? '/';
    if (request.method === 'POST' && path === '/api/v1/join') {
      const { code, publicKey, signature } = JSON.parse(body.toString());
      const spki = Buffer.from(publicKey, 'base64url');
      const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
      const genuine = code === 'code-for-tests' && verify('sha256', Buffer.from(code), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
      const answer = genuine
        ? { key: 'key-of-tests', hostKey: createHash('sha256').update(spki).digest('hex') }
        : { code: 'UNAUTHENTICATED', message: 'the code is not known' };
      response.writeHead(genuine ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      return;
    }
    const name = decodeURIComponent(path.replace('/artifacts/', ''));
    if (request.headers.authorization !== 'Bearer key-of-tests' || request.headers['x-udcs-attempt'] === undefined) response.writeHead(401).end();
    else if (request.method === 'PUT') {
      this.artifacts.set(name, body);
      response.writeHead(201).end();
    } else if (this.artifacts.has(name)) response.writeHead(200).end(this.artifacts.get(name));
    else response.writeHead(404).end('no such artifact');
  }
}
