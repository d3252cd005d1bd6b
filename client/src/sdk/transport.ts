// The way to the coordinator: tRPC over one WebSocket, or over HTTP batches and server-sent events where no socket can be
// opened. Calls that are safe to repeat are repeated with back-off while the coordinator is away. Knows nothing of jobs.
import { createTRPCUntypedClient, createWSClient, httpBatchLink, httpSubscriptionLink, splitLink, type TRPCUntypedClient, wsLink } from '@trpc/client';
import type { AnyTRPCRouter } from '@trpc/server';
import { api, type ProcedureInput, type ProcedureName, type ProcedureOutput, type ProceduresOfKind, UdcsError } from '@udcs/protocol';
import { errorOfStatus, fromCall, isPassing, unreachable } from './errors.ts';
import { webSocketClass } from './platform.ts';
import { backoffMs, EventQueue, orAborted, sleep } from './waiting.ts';

export interface TransportOptions {
  /** Base URL of the coordinator, without a trailing slash. */
  readonly url: string;
  readonly token: string | undefined;
  /** `auto` opens a WebSocket and falls back to HTTP when that can not be had. */
  readonly transport: 'auto' | 'websocket' | 'http';
  /** How long the first contact is tried. 0 = one try. */
  readonly connectMs: number;
  /** How long a call is repeated after the connection was lost. */
  readonly retryMs: number;
  /** Told when an open connection is lost and when it is there again. */
  readonly onConnection: ((state: 'lost' | 'found') => void) | undefined;
}

type Call = ProceduresOfKind<'query' | 'mutation'>;
type Subscription = ProceduresOfKind<'subscription'>;

interface Connection {
  readonly client: TRPCUntypedClient<AnyTRPCRouter>;
  readonly close: () => Promise<void>;
}

/** Mutations that may be sent twice: the server knows the idempotency key, or the second time changes nothing. */
const REPEATABLE: ReadonlySet<ProcedureName> = new Set<ProcedureName>([
  'jobs.submit',
  'jobs.submitMany',
  'jobs.cancel',
  'workers.drain',
  'tokens.revoke',
  'invites.revoke',
]);

/** The coordinator answers at most this many calls of one HTTP batch. */
const HTTP_BATCH_CALLS = 100;

export class Transport {
  readonly options: TransportOptions;
  #connection: Promise<Connection> | null = null;
  #closed = false;
  /** Ends what waits for an answer when the coordinator stays away longer than `retryMs`. */
  readonly #waiting = new Set<(error: UdcsError) => void>();
  #lostTimer: ReturnType<typeof setTimeout> | null = null;
  /** Away longer than `retryMs`; what is asked now fails at once, until it is back. */
  #isGone = false;

  constructor(options: TransportOptions) {
    this.options = options;
  }

  async call<P extends Call>(procedure: P, input: ProcedureInput<P>, signal?: AbortSignal): Promise<ProcedureOutput<P>> {
    const repeatable = api[procedure].kind === 'query' || REPEATABLE.has(procedure);
    let lostAtMs: number | null = null;
    for (let attempt = 0; ; attempt++) {
      try {
        return (await this.#once(procedure, input, signal)) as ProcedureOutput<P>;
      } catch (thrown) {
        const error = fromCall(thrown, this.options.url, signal);
        lostAtMs ??= performance.now();
        const mayRepeat =
          !this.#closed && !this.#isGone && repeatable && isPassing(error) && this.#connection !== null && performance.now() - lostAtMs < this.options.retryMs;
        if (!mayRepeat) throw error;
        await sleep(backoffMs(attempt), signal);
      }
    }
  }

  /** Events of a subscription until it ends, `signal` is aborted or the reader stops. Lost connections are reopened below; what can not be is thrown. */
  async *subscribe<P extends Subscription>(
    procedure: P,
    input: ProcedureInput<P>,
    options: { signal?: AbortSignal; onStarted?: () => void } = {},
  ): AsyncGenerator<ProcedureOutput<P>, void, undefined> {
    const { signal, onStarted } = options;
    const { client } = await orAborted(this.#open(), signal);
    const queue = new EventQueue<ProcedureOutput<P>>();
    const subscription = client.subscription(procedure, input, {
      onStarted: () => onStarted?.(),
      onData: (data) => queue.push(untracked(data) as ProcedureOutput<P>),
      onError: (error) => queue.fail(fromCall(error, this.options.url, signal)),
      onComplete: () => queue.finish(),
      onStopped: () => queue.finish(),
    });
    const onAbort = () => queue.fail(signal?.reason);
    const onGone = (error: UdcsError) => queue.fail(error);
    this.#waiting.add(onGone);
    if (this.#isGone) onGone(unreachable(this.options.url));
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      yield* queue;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#waiting.delete(onGone);
      subscription.unsubscribe();
    }
  }

  /** Resolves once the coordinator has answered. @throws UdcsError UNREACHABLE, UNAUTHENTICATED */
  async ready(signal?: AbortSignal): Promise<void> {
    await orAborted(this.#open(), signal);
  }

  get closed(): boolean {
    return this.#closed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#found();
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) await connection.then((opened) => opened.close()).catch(() => undefined);
  }

  async #once(procedure: Call, input: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const { client } = await orAborted(this.#open(), signal);
    if (this.#isGone) throw unreachable(this.options.url);
    const requestOptions = signal === undefined ? {} : { signal };
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const answer = api[procedure].kind === 'query' ? client.query(procedure, input, requestOptions) : client.mutation(procedure, input, requestOptions);
      answer.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  #open(): Promise<Connection> {
    if (this.#closed) return Promise.reject(new UdcsError('CANCELED', 'this connection was closed'));
    if (this.#connection === null) {
      const opening = this.#connect();
      this.#connection = opening;
      opening.catch(() => {
        if (this.#connection === opening) this.#connection = null;
      });
    }
    return this.#connection;
  }

  async #connect(): Promise<Connection> {
    const { url, transport, connectMs } = this.options;
    const startedMs = performance.now();
    for (let attempt = 0; ; attempt++) {
      try {
        if (transport === 'http') {
          await this.#probe();
          return await this.#http();
        }
        const socket = await this.#webSocket();
        if (socket !== null) return socket;
        await this.#probe();
        if (transport === 'auto') return await this.#http();
        throw unreachable(`${url} over a WebSocket`);
      } catch (error) {
        if (this.#closed || !isPassing(error) || performance.now() - startedMs >= connectMs) throw error;
        await sleep(backoffMs(attempt));
      }
    }
  }

  /** Asks who we are over plain HTTP: tells a dead address from a wrong token and from a network that blocks sockets. */
  async #probe(): Promise<void> {
    const { url, token } = this.options;
    let response: Response;
    try {
      response = await fetch(`${url}/api/v1/${token === undefined ? 'info' : 'whoami'}`, { headers: this.#headers(), signal: AbortSignal.timeout(10_000) });
    } catch (cause) {
      throw unreachable(url, cause);
    }
    // FORBIDDEN here only says that the token can not read; it is a token all the same.
    if (response.ok || response.status === 403) return;
    throw errorOfStatus(response.status, await response.json().catch(() => null), `the coordinator at ${url}`);
  }

  #headers(): Record<string, string> {
    return this.options.token === undefined ? {} : { authorization: `Bearer ${this.options.token}` };
  }

  /** An open socket, or null when the first attempt to open one failed. */
  async #webSocket(): Promise<Connection | null> {
    const { url, token } = this.options;
    const Class = await webSocketClass();
    return new Promise((resolve) => {
      let settled = false;
      let wasOpen = false;
      const settle = (opened: boolean) => {
        if (settled) return;
        settled = true;
        if (opened)
          return resolve({
            client: createTRPCUntypedClient<AnyTRPCRouter>({ links: [wsLink<AnyTRPCRouter>({ client: socket })] }),
            close: () => socket.close(),
          });
        socket.close().catch(() => undefined);
        resolve(null);
      };
      const socket = createWSClient({
        url: `${url.replace(/^http/, 'ws')}/ws/trpc`,
        WebSocket: Class,
        connectionParams: token === undefined ? null : { token },
        keepAlive: { enabled: true, intervalMs: 15_000, pongTimeoutMs: 10_000 },
        retryDelayMs: backoffMs,
        onOpen: () => {
          wasOpen = true;
          this.#found();
          settle(true);
        },
        onError: () => settle(false),
        onClose: () => {
          // A first try that fails loses nothing.
          if (wasOpen) this.#lost();
          settle(false);
        },
      });
    });
  }

  #found(): void {
    this.#isGone = false;
    if (this.#lostTimer === null) return;
    clearTimeout(this.#lostTimer);
    this.#lostTimer = null;
    if (!this.#closed) this.options.onConnection?.('found');
  }

  #lost(): void {
    if (this.#closed || this.#lostTimer !== null) return;
    this.#lostTimer = setTimeout(() => {
      this.#isGone = true;
      for (const giveUp of this.#waiting) giveUp(unreachable(this.options.url));
    }, this.options.retryMs);
    this.options.onConnection?.('lost');
  }

  async #http(): Promise<Connection> {
    const { EventSource } = await import('eventsource');
    const { url } = this.options;
    const headers = () => this.#headers();
    const withToken: typeof fetch = (input, init) => fetch(input, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), ...headers() } });
    const client = createTRPCUntypedClient<AnyTRPCRouter>({
      links: [
        splitLink({
          condition: (operation) => operation.type === 'subscription',
          true: httpSubscriptionLink({ url: `${url}/trpc`, EventSource, eventSourceOptions: () => ({ fetch: withToken }) }),
          false: httpBatchLink({ url: `${url}/trpc`, headers, maxURLLength: 8_000, maxItems: HTTP_BATCH_CALLS }),
        }),
      ],
    });
    return { client, close: async () => undefined };
  }
}

/** The data of an event that travels with its id (tRPC `tracked`), or the event itself. */
function untracked(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data;
  const keys = Object.keys(data);
  return keys.length === 2 && 'id' in data && 'data' in data ? data.data : data;
}
