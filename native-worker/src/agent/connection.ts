// The control socket: connect, say hello, keep it alive, come back with jitter after it is lost. It knows frames, not tasks;
// what a frame means is decided by the agent.
import { closeCodes, type FromWorker, limits, parseQuickly, type ToWorker, toWorkerSchema, WORKER_SUBPROTOCOL } from '@udcs/protocol';
import { WebSocket } from 'ws';

const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 20_000;
const OPEN_MS = 10_000;
const PING_MS = 5_000;
/** Silence longer than this means that the other end or the way to it is gone. */
const SILENT_MS = 15_000;
/** While the socket holds back more than this, nothing that can wait is sent. */
const BUFFER_BYTES = 8 * 1024 * 1024;

export interface ConnectionEvents {
  /** The first frame of every socket. */
  hello(): FromWorker;
  onMessage(message: ToWorker): void;
  /** Called once per lost connection and when the first try fails, never after `close`. */
  onDown(why: string): void;
  /** It will not be tried again. */
  onRefused(message: string): void;
}

export class Connection {
  readonly #url: string;
  readonly #events: ConnectionEvents;
  #socket: WebSocket | null = null;
  #welcomed = false;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #heardAtMs = 0;
  #closed = false;
  #waitMs: number | null = null;
  /** Why the last try failed; the close that follows tells it. */
  #lastError = '';

  constructor(origin: string, events: ConnectionEvents) {
    this.#url = `${origin.replace(/^http/, 'ws')}/ws/worker`;
    this.#events = events;
  }

  get up(): boolean {
    return this.#welcomed;
  }

  /** True while frames leave about as fast as they come. */
  get flowing(): boolean {
    return (this.#socket?.bufferedAmount ?? 0) < BUFFER_BYTES;
  }

  open(): void {
    if (this.#closed) return;
    const socket = new WebSocket(this.#url, WORKER_SUBPROTOCOL, {
      handshakeTimeout: OPEN_MS,
      maxPayload: limits.controlFrameBytes,
      perMessageDeflate: false,
      followRedirects: false,
    });
    this.#socket = socket;
    this.#heardAtMs = performance.now();
    const liveness = setInterval(() => this.#checkAlive(socket), PING_MS);
    socket.on('open', () => this.#write(this.#events.hello()));
    socket.on('pong', () => {
      this.#heardAtMs = performance.now();
    });
    socket.on('message', (data, isBinary) => this.#receive(socket, data.toString(), isBinary));
    socket.on('error', (error) => {
      this.#lastError = error.message;
    });
    socket.on('close', (code, reason) => {
      clearInterval(liveness);
      this.#lost(socket, code, reason.toString());
    });
  }
  /** True when it was handed to an open, welcomed socket. */
  send(message: FromWorker): boolean {
    if (!this.#welcomed) return false;
    this.#write(message);
    return true;
  }

  /** Like `send`, for a frame that is text already. */
  sendText(frame: string): boolean {
    if (!this.#welcomed || this.#socket === null) return false;
    this.#socket.send(frame);
    return true;
  }

  /** The next attempt to connect waits this long (the coordinator asked for it). */
  waitBeforeNext(ms: number): void {
    this.#waitMs = ms;
  }

  /** Resolves when the bytes are with the operating system or the socket is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === null || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => socket.terminate(), 1_000);
      socket.once('close', () => {
        clearTimeout(force);
        resolve();
      });
      socket.close(1000);
    });
  }

  #write(message: FromWorker): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #receive(socket: WebSocket, text: string, isBinary: boolean): void {
    if (socket !== this.#socket || this.#closed) return;
    this.#heardAtMs = performance.now();
    let json: unknown = null;
    try {
      json = isBinary ? null : JSON.parse(text);
    } catch {
      // answered below like any other frame that is none
    }
    const parsed = parseQuickly(toWorkerSchema, json);
    if (!parsed.success) {
      socket.close(closeCodes.protocol, 'frame not understood');
      return;
    }
    const message = parsed.data;
    if (message.type === 'welcome') {
      this.#welcomed = true;
      this.#failures = 0;
    }
    if (message.type === 'refused') {
      if (message.retryMs === null) this.#refuse(`${message.message} (${message.code})`);
      else this.#waitMs = message.retryMs;
      return;
    }
    this.#events.onMessage(message);
  }

  #refuse(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#welcomed = false;
    this.#socket?.close(1000);
    this.#events.onRefused(why);
  }

  #checkAlive(socket: WebSocket): void {
    if (performance.now() - this.#heardAtMs > SILENT_MS) socket.terminate();
    else if (socket.readyState === WebSocket.OPEN) socket.ping();
  }

  #lost(socket: WebSocket, code: number, reason: string): void {
    if (socket !== this.#socket || this.#closed) return;
    const wasUp = this.#welcomed;
    this.#welcomed = false;
    this.#socket = null;
    if (code === closeCodes.replaced) {
      this.#refuse('another start of this worker took its place');
      return;
    }
    if (wasUp || this.#failures === 0) this.#events.onDown(reason || this.#lastError || `socket closed with code ${code}`);
    this.#lastError = '';
    // Full jitter: a thousand workers do not come back in the same instant.
    const backoffMs = Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    const waitMs = (this.#waitMs ?? 0) + backoffMs;
    this.#waitMs = null;
    this.#timer = setTimeout(() => this.open(), waitMs);
  }
}
