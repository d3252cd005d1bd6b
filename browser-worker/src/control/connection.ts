// The one WebSocket to the coordinator: hello, reconnect with jitter, frames checked on arrival. It knows nothing of tasks;
// what a new connection has to say (what is held, which grants prove it) comes from `hello`.
import { type FromWorker, type Hello, limits, type ToWorker, toWorkerSchema, WORKER_SUBPROTOCOL } from '@udcs/protocol';
import { backoffMs } from './backoff.ts';

export interface ConnectionEvents {
  hello(): Promise<Hello>;
  /** Every valid frame, `welcome` first. */
  frame(frame: ToWorker): void;
  /** The socket is gone; the next try comes in `retryMs`. */
  offline(retryMs: number): void;
}

const BACKOFF = { firstMs: 500, mostMs: 20_000 };
/** No welcome by then: the other end is not a coordinator, or hangs. */
const WELCOME_MS = limits.authMs * 2;

export class Connection {
  readonly #url: string;
  readonly #events: ConnectionEvents;
  #socket: WebSocket | null = null;
  #welcomed = false;
  #closed = false;
  #failures = 0;
  /** A wait the coordinator asked for. */
  #askedMs: number | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #bufferedTurns = 0;

  constructor(coordinatorUrl: string, events: ConnectionEvents) {
    this.#url = `${coordinatorUrl.replace(/^http/, 'ws')}/ws/worker`;
    this.#events = events;
  }

  get welcomed(): boolean {
    return this.#welcomed;
  }

  open(): void {
    clearTimeout(this.#retry);
    if (this.#closed || this.#socket !== null) return;
    const socket = new WebSocket(this.#url, WORKER_SUBPROTOCOL);
    this.#socket = socket;
    this.#bufferedTurns = 0;
    const deadline = setTimeout(() => this.#drop(socket), WELCOME_MS);
    socket.onopen = () => {
      this.#events.hello().then(
        (hello) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(hello)),
        () => this.#drop(socket),
      );
    };
    socket.onmessage = (event) => {
      const frame = parseFrame(event.data);
      if (frame === null || this.#socket !== socket) return this.#drop(socket);
      if (frame.type === 'welcome') {
        clearTimeout(deadline);
        this.#welcomed = true;
        this.#failures = 0;
        this.#askedMs = null;
      }
      if (frame.type === 'draining') this.#askedMs = frame.retryMs;
      if (frame.type === 'refused') {
        this.#askedMs = frame.retryMs;
        if (frame.retryMs === null) this.#closed = true;
      }
      this.#events.frame(frame);
    };
    socket.onclose = () => {
      clearTimeout(deadline);
      this.#drop(socket);
    };
  }

  /** False = not connected: the caller keeps what it wanted to say. */
  send(frame: FromWorker): boolean {
    if (this.#socket === null || !this.#welcomed || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Call at each renewal: a browser socket has no ping, but one whose buffer never empties is dead. */
  checkAlive(): void {
    if (this.#socket === null) return;
    this.#bufferedTurns = this.#socket.bufferedAmount > 0 ? this.#bufferedTurns + 1 : 0;
    if (this.#bufferedTurns >= 3) this.#drop(this.#socket);
  }

  /** The network is back: no reason to wait. */
  hurry(): void {
    this.#failures = 0;
    if (this.#socket === null) this.open();
  }

  /** After a refusal that something has been done about. */
  reopen(): void {
    this.#closed = false;
    this.hurry();
  }

  /** For good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    this.#welcomed = false;
    socket?.close(1000);
  }

  #drop(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#welcomed = false;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    if (this.#closed) return;
    const retryMs = Math.max(this.#askedMs ?? 0, backoffMs(this.#failures++, BACKOFF, Math.random()));
    this.#retry = setTimeout(() => this.open(), retryMs);
    this.#events.offline(retryMs);
  }
}

function parseFrame(data: unknown): ToWorker | null {
  if (typeof data !== 'string' || data.length > limits.controlFrameBytes) return null;
  try {
    const parsed = toWorkerSchema.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
