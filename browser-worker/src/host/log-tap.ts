// Bounds what a task may write: the first half of the budget streams live, then only the last half is kept in a ring and sent
// at the end with a line that says how much is missing. A flood costs the control Worker a few hundred messages, no more.
import { limits } from '@udcs/protocol';

export type LogStream = 'stdout' | 'stderr' | 'udcs';
type Emit = (stream: LogStream, bytes: Uint8Array, tail: boolean) => void;

const HALF_BYTES = limits.attemptLogBytes / 2;
/** Above this many messages at once, lines wait for each other. */
const BURST = 64;
const MESSAGES_PER_MS = 0.1;

export class LogTap {
  readonly #emit: Emit;
  readonly #nowMs: () => number;
  #headBytes = 0;
  #tokens = BURST;
  #filledAtMs: number;
  #pending: { readonly stream: LogStream; readonly bytes: Uint8Array }[] = [];
  #pendingBytes = 0;
  readonly #ring: { readonly stream: LogStream; readonly bytes: Uint8Array }[] = [];
  #ringBytes = 0;
  #cutBytes = 0;

  constructor(emit: Emit, nowMs: () => number) {
    this.#emit = emit;
    this.#nowMs = nowMs;
    this.#filledAtMs = nowMs();
  }

  write(stream: LogStream, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const live = bytes.subarray(0, Math.max(0, HALF_BYTES - this.#headBytes));
    if (live.length > 0) {
      this.#headBytes += live.length;
      this.#pending.push({ stream, bytes: live.slice() });
      this.#pendingBytes += live.length;
      if (this.#takeToken() || this.#pendingBytes >= limits.logLineBytes) this.flush();
    }
    if (live.length < bytes.length) this.#keep(stream, bytes.subarray(live.length));
  }

  /** Sends what waits; neighbours of one stream become one message. */
  flush(): void {
    let at = 0;
    while (at < this.#pending.length) {
      const stream = (this.#pending[at] as { stream: LogStream }).stream;
      const run = [];
      while (at < this.#pending.length && this.#pending[at]?.stream === stream) run.push(...this.#pending.slice(at, ++at).map((part) => part.bytes));
      this.#emit(stream, join(run), false);
    }
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  /** The attempt ended: everything that was held back. */
  end(): void {
    this.flush();
    if (this.#cutBytes > 0) this.#emit('udcs', new TextEncoder().encode(`\n[${this.#cutBytes} bytes of log left out here]\n`), true);
    for (const part of this.#ring) this.#emit(part.stream, part.bytes, true);
    this.#ring.length = 0;
  }

  #keep(stream: LogStream, bytes: Uint8Array): void {
    const last = bytes.subarray(Math.max(0, bytes.length - HALF_BYTES)).slice();
    this.#cutBytes += bytes.length - last.length;
    this.#ring.push({ stream, bytes: last });
    this.#ringBytes += last.length;
    while (this.#ringBytes > HALF_BYTES) {
      const first = this.#ring.shift();
      if (first === undefined) break;
      this.#ringBytes -= first.bytes.length;
      this.#cutBytes += first.bytes.length;
    }
  }

  #takeToken(): boolean {
    const nowMs = this.#nowMs();
    this.#tokens = Math.min(BURST, this.#tokens + (nowMs - this.#filledAtMs) * MESSAGES_PER_MS);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
