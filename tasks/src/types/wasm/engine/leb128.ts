// Reading and writing the variable-length integers of the WASM binary format (core spec §5.2.2), and a cursor over bytes that
// turns every overrun into a clear MODULE_INVALID.
import { UdcsError } from '@udcs/protocol';

export const moduleInvalid = (what: string, hint?: string): UdcsError => new UdcsError('MODULE_INVALID', what, hint === undefined ? {} : { hint });

export class Cursor {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    const value = this.at < this.end ? this.bytes[this.at] : undefined;
    if (value === undefined) throw moduleInvalid(`the module is cut off at byte ${this.at}`);
    this.at += 1;
    return value;
  }

  /** Unsigned, at most 64 bits in 10 bytes; a number because sizes and indices never pass 2^53 in a module that can load. */
  unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw moduleInvalid(`a number at byte ${this.at} is longer than 10 bytes`);
  }

  /** Steps over a signed or unsigned integer whose value does not matter. */
  skipInteger(): void {
    for (let length = 0; length < 10; length++) if (this.byte() < 0x80) return;
    throw moduleInvalid(`a number at byte ${this.at} is longer than 10 bytes`);
  }

  skip(count: number): void {
    if (count > this.end - this.at) throw moduleInvalid(`the module is cut off at byte ${this.end}: ${count} bytes expected at ${this.at}`);
    this.at += count;
  }

  name(): string {
    const length = this.unsigned();
    const from = this.at;
    this.skip(length);
    return new TextDecoder().decode(this.bytes.subarray(from, this.at));
  }

  /** The next `length` bytes as a cursor of their own; this one moves past them. */
  part(length: number): Cursor {
    const from = this.at;
    this.skip(length);
    return new Cursor(this.bytes, from, this.at);
  }
}

export function encodeUnsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}
