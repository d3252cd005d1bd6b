// The log of one attempt: lines on their way to the coordinator at a bounded rate, and the whole kept for the report, its middle
// cut out when it grows past the limit.
import { StringDecoder } from 'node:string_decoder';
import { limits } from '@udcs/protocol';

type Stream = 'stdout' | 'stderr' | 'udcs';

const HEAD_BYTES = limits.attemptLogBytes / 2;
const TAIL_BYTES = limits.attemptLogBytes / 2 - 200;
/** Live text per attempt and second; the report holds more. */
const LIVE_BYTES_PER_S = 64 * 1024;
/** JSON escapes may grow a text six-fold; the schema counts characters. */
const LIVE_CHUNK_BYTES = limits.logLineBytes;

export class AttemptLog {
  bytes = 0;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  readonly #decoders = new Map<Stream, StringDecoder>();
  readonly #live: { stream: Stream; text: string }[] = [];
  #windowAtMs = 0;
  #windowBytes = 0;
  #held = false;

  write(stream: Stream, bytes: Buffer, nowMs: number): void {
    this.bytes += bytes.length;
    const toHead = bytes.subarray(0, Math.max(0, HEAD_BYTES - this.#headBytes));
    if (toHead.length > 0) this.#head.push(Buffer.from(toHead));
    this.#headBytes += toHead.length;
    const rest = bytes.subarray(toHead.length);
    if (rest.length > 0) this.#toTail(Buffer.from(rest.subarray(-TAIL_BYTES)));
    this.#goLive(stream, bytes, nowMs);
  }

  /** Texts to send now. */
  takeLive(): { stream: Stream; text: string }[] {
    return this.#live.splice(0);
  }

  /** Null when nothing was written. */
  whole(): Buffer | null {
    if (this.bytes === 0) return null;
    const tail = Buffer.concat(this.#tail).subarray(-TAIL_BYTES);
    const cut = this.bytes - this.#headBytes - tail.length;
    const mark = cut > 0 ? [Buffer.from(`\n[… ${cut} bytes cut …]\n`)] : [];
    return Buffer.concat([...this.#head, ...mark, tail]);
  }

  /** Joined only when it has doubled: a program may write a line at a time, a hundred thousand times. */
  #toTail(bytes: Buffer): void {
    this.#tail.push(bytes);
    this.#tailBytes += bytes.length;
    if (this.#tailBytes < 2 * TAIL_BYTES) return;
    const joined = Buffer.concat(this.#tail).subarray(-TAIL_BYTES);
    this.#tail = [joined];
    this.#tailBytes = joined.length;
  }

  #goLive(stream: Stream, bytes: Buffer, nowMs: number): void {
    if (nowMs - this.#windowAtMs >= 1_000) {
      this.#windowAtMs = nowMs;
      this.#windowBytes = 0;
      this.#held = false;
    }
    const room = LIVE_BYTES_PER_S - this.#windowBytes;
    this.#windowBytes += bytes.length;
    if (room <= 0) {
      if (!this.#held) this.#live.push({ stream: 'udcs', text: '[live log held back: too fast; the whole is kept with the result]\n' });
      this.#held = true;
      return;
    }
    const decoder = this.#decoders.get(stream) ?? new StringDecoder('utf8');
    this.#decoders.set(stream, decoder);
    const text = decoder.write(bytes.subarray(0, room));
    for (let at = 0; at < text.length; at += LIVE_CHUNK_BYTES) this.#live.push({ stream, text: text.slice(at, at + LIVE_CHUNK_BYTES) });
  }
}
