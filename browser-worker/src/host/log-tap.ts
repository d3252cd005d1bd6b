// Bounds what a task may write: the first half of the budget streams live, then only the last half is kept in a ring and sent
// at the end with a line that says how much is missing. A flood costs the control Worker a few hundred messages, no more.
import { limits } from '@udcs/protocol';

export type LogStream = 'stdout' | 'stderr' | 'udcs';
type Emit = (stream: LogStream, bytes: Uint8Array, tail: boolean) => void;

const HALF_BYTES = limits.attemptLogBytes / 2;
/** Above this many messages at once, lines wait for each other. */
const BURST = 64;
const MESSAGES_PER_MS = 0.1;
const BLOCK_BYTES = 4_096;

interface Part {
  readonly stream: LogStream;
  readonly bytes: Uint8Array;
}

interface Block {
  readonly stream: LogStream;
  readonly buffer: Uint8Array;
  from: number;
  to: number;
}

export class LogTap {
  readonly #emit: Emit;
  readonly #nowMs: () => number;
  #headBytes = 0;
  #tokens = BURST;
  #filledAtMs: number;
  #pending: Part[] = [];
  #pendingBytes = 0;
  readonly #ring: Block[] = [];
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
    this.#emitRuns(this.#pending, false);
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  /** The attempt ended: everything that was held back. */
  end(): void {
    this.flush();
    if (this.#cutBytes > 0) this.#emit('udcs', new TextEncoder().encode(`\n[${this.#cutBytes} bytes of log left out here]\n`), true);
    const kept = this.#ring.map(({ stream, buffer, from, to }) => ({ stream, bytes: buffer.subarray(from, to) }));
    this.#emitRuns(kept, true);
    this.#ring.length = 0;
  }

  #emitRuns(parts: readonly Part[], tail: boolean): void {
    let at = 0;
    while (at < parts.length) {
      const first = parts[at] as Part;
      let end = at + 1;
      while (parts[end]?.stream === first.stream) end++;
      this.#emit(first.stream, join(parts.slice(at, end).map((part) => part.bytes)), tail);
      at = end;
    }
  }

  /** Appends to the ring in blocks, because a flood may come byte by byte. */
  #keep(stream: LogStream, bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      let block = this.#ring.at(-1);
      if (block === undefined || block.stream !== stream || block.to === block.buffer.length) {
        block = { stream, buffer: new Uint8Array(BLOCK_BYTES), from: 0, to: 0 };
        this.#ring.push(block);
      }
      const taken = rest.subarray(0, block.buffer.length - block.to);
      block.buffer.set(taken, block.to);
      block.to += taken.length;
      this.#ringBytes += taken.length;
      rest = rest.subarray(taken.length);
      this.#cut();
    }
  }

  #cut(): void {
    while (this.#ringBytes > HALF_BYTES) {
      const first = this.#ring[0] as Block;
      const cutBytes = Math.min(this.#ringBytes - HALF_BYTES, first.to - first.from);
      first.from += cutBytes;
      this.#ringBytes -= cutBytes;
      this.#cutBytes += cutBytes;
      if (first.from === first.to) this.#ring.shift();
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
