// A whole coordinator inside the test's process, on a free port and a fresh folder, with what tests need to talk to it: plain
// HTTP with any headers, tRPC over WebSocket and SSE as raw frames, workers that join.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorRecord, Scope } from '@udcs/protocol';
import { WebSocket } from 'ws';
import { createLog } from '../src/api/log.ts';
import { type RunningCoordinator, startCoordinator } from '../src/assemble.ts';
import { connectWorker, makeKeyPair, type WireWorker, type WireWorkerOptions } from './wire-worker.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: unknown;
}

interface AskOptions {
  readonly method?: string;
  readonly token?: string | null;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WholeCoordinator {
  readonly running: RunningCoordinator;
  readonly url: string;
  readonly dataDir: string;
  readonly adminToken: string;
  /** Every line it logged. */
  readonly log: string[];
  ask(path: string, options?: AskOptions): Promise<Answer>;
  /** A token made by the admin. */
  token(scopes: readonly Scope[], options?: { owner?: string; expiresInMs?: number }): Promise<{ secret: string; id: string }>;
  joinKey(kind?: 'native' | 'browser'): Promise<{ key: string; hostKey: string }>;
  worker(options?: Partial<WireWorkerOptions>): Promise<WireWorker>;
  close(): Promise<void>;
}

export async function wholeCoordinator(options: { allowMock?: boolean; dataDir?: string } = {}): Promise<WholeCoordinator> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'udcs-api-')));
  const log: string[] = [];
  const running = await startCoordinator(
    { host: '127.0.0.1', port: 0, dataDir, publicUrl: null, dashboard: false, allowMock: options.allowMock ?? true, logLevel: 'trace', json: false },
    createLog('trace', (line) => log.push(line)),
    (error) => {
      throw error;
    },
  );
  const { url } = running;
  const adminToken = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  const ask: WholeCoordinator['ask'] = (path, askOptions = {}) => ask1(url, path, { token: adminToken, ...askOptions });
  const joinKey: WholeCoordinator['joinKey'] = async (kind = 'native') => {
    const pair = makeKeyPair();
    const code = running.doors.joinCode;
    const answer = await ask('/api/v1/join', {
      method: 'POST',
      token: null,
      body: { code, kind, name: 'test', publicKey: pair.publicKey, signature: pair.sign(code) },
    });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json as { key: string; hostKey: string };
  };
  return {
    running,
    url,
    dataDir,
    adminToken,
    log,
    ask,
    joinKey,
    async token(scopes, { owner, expiresInMs } = {}) {
      const answer = await ask('/api/v1/tokens', {
        method: 'POST',
        body: { name: 'test', scopes, ...(owner === undefined ? {} : { owner }), ...(expiresInMs === undefined ? {} : { expiresInMs }) },
      });
      const made = answer.json as { token: { id: string }; secret: string };
      return { secret: made.secret, id: made.token.id };
    },
    async worker(workerOptions = {}) {
      return connectWorker({ url, ...(await joinKey(workerOptions.kind)), ...workerOptions });
    },
    async close() {
      await running.drain(0);
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function ask1(base: string, path: string, { method, token, body, raw, headers = {} }: AskOptions): Promise<Answer> {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const all: Record<string, string | number> = {
    ...(token === null || token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${base}${path}`, { method: method ?? (payload === undefined ? 'GET' : 'POST'), headers: all, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        let json: unknown;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined; // not every answer is JSON; tests that need it look
        }
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json });
      });
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

export const errorOf = (answer: Answer): ErrorRecord => (answer.json as { error: ErrorRecord }).error;

type TrpcFrame = { id: number | null; result?: { type?: string; id?: string; data?: unknown }; error?: { message: string; data: ErrorRecord } };

export interface TrpcSocket {
  call(method: 'query' | 'mutation', path: string, input?: unknown): Promise<unknown>;
  /** Frames of a subscription in order; `next` resolves with null at its end and rejects with its error. */
  subscribe(path: string, input?: unknown): { next(): Promise<{ id: string | undefined; data: unknown } | null>; stop(): void };
  readonly closed: Promise<number>;
  send(raw: string): void;
  close(): void;
}

/** tRPC's WebSocket protocol, by hand: the SDK is another room. */
export async function trpcSocket(url: string, token: string | null): Promise<TrpcSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/trpc?connectionParams=1`);
  const closed = new Promise<number>((resolve) => socket.on('close', (code) => resolve(code)));
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  socket.send(JSON.stringify({ method: 'connectionParams', data: token === null ? {} : { token } }));
  const listeners = new Map<number, (frame: TrpcFrame) => void>();
  socket.on('message', (data) => {
    if (data.toString() === 'PING') return socket.send('PONG');
    const frame = JSON.parse(data.toString()) as TrpcFrame;
    if (frame.id !== null && frame.id !== undefined) listeners.get(frame.id)?.(frame);
  });
  let last = 0;
  const send = (method: string, path: string, input: unknown, onFrame: (frame: TrpcFrame) => void): number => {
    const id = ++last;
    listeners.set(id, onFrame);
    socket.send(JSON.stringify({ id, method, params: { path, input } }));
    return id;
  };
  return {
    closed,
    send: (raw) => socket.send(raw),
    close: () => socket.close(),
    call: (method, path, input) =>
      new Promise((resolve, reject) => {
        send(method, path, input, (frame) =>
          frame.error ? reject(Object.assign(new Error(frame.error.message), { data: frame.error.data })) : resolve(frame.result?.data),
        );
      }),
    subscribe(path, input) {
      const frames: TrpcFrame[] = [];
      let wake: (() => void) | null = null;
      const id = send('subscription', path, input, (frame) => {
        frames.push(frame);
        wake?.();
      });
      return {
        async next() {
          for (;;) {
            const frame = frames.shift();
            if (frame === undefined) {
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
              continue;
            }
            if (frame.error) throw Object.assign(new Error(frame.error.message), { data: frame.error.data });
            if (frame.result?.type === 'stopped') return null;
            if (frame.result?.type === 'started') continue;
            return { id: frame.result?.id, data: frame.result?.data };
          }
        },
        stop: () => socket.send(JSON.stringify({ id, method: 'subscription.stop' })),
      };
    },
  };
}
