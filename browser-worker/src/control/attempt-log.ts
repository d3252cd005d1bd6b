// The log of one attempt: lines that go out live while it runs, and the whole of it (stdout and stderr interleaved, cut in the
// middle by the task side) as one blob when it ends.
import { limits } from '@udcs/protocol';

export interface LogLine {
  readonly stream: 'stdout' | 'stderr' | 'udcs';
  readonly text: string;
}

/** The record's JSON may need three bytes where UTF-16 has one unit. */
const LINE_CHARS = Math.floor(limits.logLineBytes / 3);

export class AttemptLog {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  /** A character may be split between two writes of one stream. */
  readonly #decoders = new Map<LogLine['stream'], TextDecoder>();

  /** Returns the pieces to send live; none for what was held back until the end. */
  add(stream: LogLine['stream'], bytes: Uint8Array, tail: boolean): LogLine[] {
    const kept = bytes.subarray(0, Math.max(0, 2 * limits.attemptLogBytes - this.#bytes));
    if (kept.length > 0) this.#parts.push(kept);
    this.#bytes += kept.length;
    if (tail) return [];
    const decoder = this.#decoders.get(stream) ?? new TextDecoder();
    this.#decoders.set(stream, decoder);
    const text = decoder.decode(kept, { stream: true });
    const lines: LogLine[] = [];
    for (let at = 0; at < text.length; at += LINE_CHARS) lines.push({ stream, text: text.slice(at, at + LINE_CHARS) });
    return lines;
  }

  /** Everything, or null when nothing was written. */
  whole(): Uint8Array | null {
    if (this.#bytes === 0) return null;
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}
