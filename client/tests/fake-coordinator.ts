// A coordinator for tests of the SDK alone: the real API table over the real tRPC adapters, with handlers and jobs scripted
// by the test. It stores artifacts in memory and can cut uploads, downloads and sockets.
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import {
  api,
  type Job,
  type JobEvent,
  type JobId,
  type JobView,
  makeId,
  type ProcedureInput,
  type ProcedureName,
  type TaskView,
  UdcsError,
} from '@udcs/protocol';
import { WebSocketServer } from 'ws';

type Handler = (input: never, caller: { token: string | null }) => unknown;
type Handlers = { [P in ProcedureName]?: Handler };

export const TOKEN = 'a-token-for-tests';

interface FakeJob {
  view: JobView;
  spec: Job;
  events: Extract<JobEvent, { seq: number }>[];
}

export class FakeCoordinator {
  readonly jobs = new Map<string, FakeJob>();
  readonly artifacts = new Map<string, Buffer>();
  readonly calls: { procedure: ProcedureName; input: unknown }[] = [];
  readonly uploads: string[] = [];
  /** Bytes after which the next upload's connection is cut. */
  cutUploadAfterBytes: number | null = null;
  cutDownloadAfterBytes: number | null = null;
  /** Whether WebSockets are refused, as some proxies do. */
  refuseSockets = false;
  /** Runs after an answer was computed and before it is sent; may cut the connections. */
  beforeAnswer: ((procedure: ProcedureName) => void) | null = null;
  readonly #byKey = new Map<string, string>();
  readonly #partial = new Map<string, Buffer>();
  readonly #listeners = new Set<() => void>();
  readonly #handlers: Handlers;
  #server: Server | null = null;
  #sockets = new Set<Socket>();
  port = 0;

  constructor(handlers: Handlers = {}) {
    this.#handlers = { ...this.#defaults(), ...handlers };
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(port = this.port): Promise<this> {
    const t = initTRPC.context<{ token: string | null }>().create({
      errorFormatter: ({ shape, error }) => {
        const record = error.cause instanceof UdcsError ? error.cause.toRecord() : { code: 'INTERNAL', message: error.message };
        return { ...shape, message: record.message, data: { ...record, httpStatus: 400 } };
      },
    });
    const record: Record<string, Record<string, ReturnType<typeof t.procedure.query>>> = {};
    for (const name of Object.keys(api) as ProcedureName[]) {
      const [group, method] = name.split('.') as [string, string];
      record[group] ??= {};
      const call = ({ input, ctx }: { input: unknown; ctx: { token: string | null } }) => this.#answer(name, input, ctx);
      const base = t.procedure.input((raw: unknown) => raw);
      record[group][method] = {
        query: () => base.query(call),
        mutation: () => base.mutation(call),
        subscription: () => base.subscription((opts) => this.#answer(name, opts.input, opts.ctx) as AsyncIterable<unknown>),
      }[api[name].kind]() as never;
    }
    const router = t.router(record);
    const createContext = (opts: { req: IncomingMessage; info: { connectionParams: Record<string, string | undefined> | null } }) => ({
      token: opts.info.connectionParams?.['token'] ?? /^Bearer (.*)$/.exec(opts.req.headers.authorization ?? '')?.[1] ?? null,
    });
    const trpc = createHTTPHandler({ router, createContext, basePath: '/trpc/' });
    const server = createServer((request, response) => {
      if (request.url?.startsWith('/trpc/')) return trpc(request, response);
      if (request.url?.startsWith('/artifacts/')) return this.#artifact(request, response);
      const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
      if (token === undefined || token === TOKEN) return response.end('{}');
      response.writeHead(401).end(JSON.stringify({ error: { code: 'UNAUTHENTICATED', message: 'this token is not known here' } }));
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    const wss = new WebSocketServer({ noServer: true });
    applyWSSHandler({ wss, router, createContext });
    server.on('upgrade', (request, socket, head) => {
      if (this.refuseSockets) {
        socket.destroy();
        return;
      }
      wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Cuts every connection, as a crash does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.cut();
    await closed;
  }

  count(procedure: ProcedureName): number {
    return this.calls.filter((call) => call.procedure === procedure).length;
  }

  add(spec: Job, total = 1): JobId {
    const id = makeId('job', Date.now(), randomBytes(10)) as JobId;
    const counts = { total, succeeded: 0, failed: 0, canceled: 0, active: 0 };
    const view = {
      id,
      name: spec.name ?? '',
      owner: 'test',
      types: ['MOCK'],
      state: 'queued',
      counts,
      priority: 50,
      labels: {},
      seq: 0,
      submittedAtMs: 1,
      startedAtMs: null,
      endedAtMs: null,
      canceledAtMs: null,
      repeatedAttempts: 0,
      error: null,
    } satisfies JobView as JobView;
    this.jobs.set(id, { view, spec, events: [] });
    return id;
  }

  /** Settles tasks of a job in one commit; the job ends with its last task. */
  settle(id: string, indexes: readonly number[], state: 'succeeded' | 'failed' = 'succeeded', extra: Partial<TaskView> = {}): void {
    const job = this.jobs.get(id) as FakeJob;
    const seq = job.view.seq + 1;
    const tasks = indexes.map(
      (index): TaskView => ({
        id: `${id}.${index}`,
        key: String(index),
        index,
        state,
        attempts: 1,
        worker: null,
        outputs: {},
        exitCode: 0,
        log: null,
        error: state === 'failed' ? { code: 'EXIT_CODE', message: 'exit code 3' } : null,
        endedAtMs: 2,
        ...extra,
      }),
    );
    const counts = { ...job.view.counts, [state]: job.view.counts[state] + tasks.length };
    const ended = counts.succeeded + counts.failed === counts.total;
    job.view = { ...job.view, seq, counts, state: ended ? (counts.failed > 0 ? 'failed' : 'succeeded') : 'running', endedAtMs: ended ? 2 : null };
    job.events.push({ type: 'tasks', seq, tasks });
    for (const listener of this.#listeners) listener();
  }

  #answer(name: ProcedureName, input: unknown, caller: { token: string | null }): unknown {
    if (api[name].scope !== 'public' && caller.token !== TOKEN) throw new UdcsError('UNAUTHENTICATED', 'this token is not known here');
    this.calls.push({ procedure: name, input });
    const handler = this.#handlers[name];
    if (handler === undefined) throw new UdcsError('NOT_FOUND', `the test scripted no ${name}`);
    const answer = handler(input as never, caller);
    this.beforeAnswer?.(name);
    return answer;
  }

  #job(id: string): FakeJob {
    const job = this.jobs.get(id);
    if (job === undefined) throw new UdcsError('NOT_FOUND', `no job ${id}`);
    return job;
  }

  #submit(job: Job): { id: string; existing: boolean; counts: { total: number } } {
    const known = this.#byKey.get(job.idempotencyKey as string);
    const total = job.array !== undefined && 'count' in job.array ? job.array.count : 1;
    if (known !== undefined) return { id: known, existing: true, counts: { total } };
    const id = this.add(job, total);
    this.#byKey.set(job.idempotencyKey as string, id);
    return { id, existing: false, counts: { total } };
  }

  #defaults(): Handlers {
    return {
      'auth.whoami': () => ({ owner: 'test', scopes: ['submit'] }),
      'jobs.submit': ({ job }: ProcedureInput<'jobs.submit'>) => this.#submit(job),
      'jobs.submitMany': ({ jobs }: ProcedureInput<'jobs.submitMany'>) => ({ results: jobs.map((job) => this.#submit(job)) }),
      'jobs.getMany': ({ ids }: ProcedureInput<'jobs.getMany'>) => ({ jobs: ids.flatMap((id) => this.jobs.get(id)?.view ?? []) }),
      'jobs.get': ({ id }: { id: string }) => this.#job(id).view,
      'jobs.tasks': ({ id }: { id: string }) => ({
        items: this.#job(id).events.flatMap((event) => (event.type === 'tasks' ? event.tasks : [])),
        nextCursor: null,
      }),
      'jobs.cancel': ({ id }: { id: string }) => ({ job: this.#job(id).view, canceled: true }),
      'artifacts.findMissing': ({ digests }: { digests: string[] }) => ({ missing: digests.filter((digest) => !this.artifacts.has(digest)) }),
      'jobs.events': ({ id, afterSeq = 0 }: { id: string; afterSeq?: number }) => this.#events(this.#job(id), afterSeq),
      'jobs.changes': () => this.#changes(),
      'jobs.ended': () => this.#ended(),
    };
  }

  async *#events(job: FakeJob, afterSeq: number): AsyncGenerator<JobEvent> {
    let seq = afterSeq;
    yield { type: 'job', seq: job.view.seq, job: job.view };
    for (;;) {
      const news = job.events.filter((event) => event.seq > seq);
      yield* news;
      seq = Math.max(seq, ...news.map((event) => event.seq));
      if (news.length > 0) yield { type: 'job', seq: job.view.seq, job: job.view };
      if (job.view.endedAtMs !== null) return;
      await this.#changed();
    }
  }

  async *#changes(): AsyncGenerator<{ jobs: JobView[] }> {
    for (;;) {
      await this.#changed();
      yield { jobs: [...this.jobs.values()].map((job) => job.view) };
    }
  }

  async *#ended(): AsyncGenerator<{ jobs: JobView[] }> {
    const told = new Set([...this.jobs.values()].filter(({ view }) => view.endedAtMs !== null).map(({ view }) => view.id));
    yield { jobs: [] };
    for (;;) {
      const jobs = [...this.jobs.values()].map(({ view }) => view).filter((view) => view.endedAtMs !== null && !told.has(view.id));
      for (const { id } of jobs) told.add(id);
      if (jobs.length > 0) yield { jobs };
      else await this.#changed();
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      const listener = () => {
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  #artifact(request: IncomingMessage, response: ServerResponse): void {
    const digest = (request.url as string).slice('/artifacts/'.length);
    if (request.method === 'PUT') {
      this.#upload(digest, request, response);
      return;
    }
    const bytes = this.artifacts.get(digest);
    if (bytes === undefined) {
      response.writeHead(404, { 'upload-offset': String(this.#partial.get(digest)?.length ?? 0) }).end();
      return;
    }
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from });
    if (request.method === 'HEAD') return void response.end();
    if (this.cutDownloadAfterBytes !== null) {
      response.write(bytes.subarray(from, from + this.cutDownloadAfterBytes), () => request.socket.destroy());
      this.cutDownloadAfterBytes = null;
      return;
    }
    response.end(bytes.subarray(from));
  }

  #upload(digest: string, request: IncomingMessage, response: ServerResponse): void {
    this.uploads.push(request.headers['content-range'] ?? 'whole');
    const from = Number(/bytes (\d+)-/.exec(request.headers['content-range'] ?? '')?.[1] ?? 0);
    let received = (this.#partial.get(digest) ?? Buffer.alloc(0)).subarray(0, from);
    request.on('data', (part: Buffer) => {
      received = Buffer.concat([received, part]);
      this.#partial.set(digest, received);
      if (this.cutUploadAfterBytes !== null && received.length >= this.cutUploadAfterBytes) {
        this.cutUploadAfterBytes = null;
        request.socket.destroy();
      }
    });
    request.on('end', () => {
      if (`sha256:${createHash('sha256').update(received).digest('hex')}` !== digest) return void response.writeHead(422).end('{}');
      this.artifacts.set(digest, received);
      response.writeHead(201).end();
    });
    request.on('error', () => undefined);
  }
}
