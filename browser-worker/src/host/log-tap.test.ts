// The log of a task that floods: the first half arrives, the last half arrives, the middle is counted.
import { limits } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogTap } from './log-tap.ts';

function tapped(writes: readonly Uint8Array[], nowMs = () => 0): { readonly text: Uint8Array; readonly messages: number; readonly live: number } {
  const parts: Uint8Array[] = [];
  let live = 0;
  const tap = new LogTap((_stream, bytes, tail) => {
    parts.push(bytes.slice());
    if (!tail) live += bytes.length;
  }, nowMs);
  for (const bytes of writes) tap.write('stdout', bytes);
  tap.end();
  return { text: Buffer.concat(parts), messages: parts.length, live };
}

describe('the log tap', () => {
  it('hands on every byte in order while the log is small', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 50 }), (writes) => {
        expect(Buffer.from(tapped(writes).text).equals(Buffer.concat(writes))).toBe(true);
      }),
    );
  });

  it('keeps the beginning and the end of a flood, says how much is missing, and sends few messages', () => {
    const writes = Array.from({ length: 100_000 }, (_, at) => new TextEncoder().encode(`line ${String(at).padStart(8, '0')}\n`));
    const { text, messages, live } = tapped(writes);
    const words = Buffer.from(text).toString();
    expect(words.startsWith('line 00000000\n')).toBe(true);
    expect(words.endsWith('line 00099999\n')).toBe(true);
    const cut = Number(/\[(\d+) bytes of log left out here\]/.exec(words)?.[1]);
    expect(cut).toBeGreaterThan(1_000_000);
    expect(live).toBe(limits.attemptLogBytes / 2);
    expect(text.length).toBeLessThan(limits.attemptLogBytes + 200);
    expect(messages).toBeLessThan(200);
  });

  it('loses nothing but the middle, however the bytes are cut into writes and streams', () => {
    const sizes = fc.array(fc.record({ stdout: fc.boolean(), bytes: fc.integer({ min: 1, max: 60_000 }) }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sizes, (writes) => {
        const all = writes.map(({ bytes }, at) => new Uint8Array(bytes).fill(at + 1));
        const parts: Uint8Array[] = [];
        const tap = new LogTap(
          (stream, bytes) => stream !== 'udcs' && parts.push(bytes.slice()),
          () => 0,
        );
        writes.forEach(({ stdout }, at) => void tap.write(stdout ? 'stdout' : 'stderr', all[at] as Uint8Array));
        tap.end();
        const [got, whole] = [Buffer.concat(parts), Buffer.concat(all)];
        expect(got.length).toBe(Math.min(whole.length, limits.attemptLogBytes));
        const half = limits.attemptLogBytes / 2;
        expect(got.subarray(0, half).equals(whole.subarray(0, Math.min(half, got.length)))).toBe(true);
        expect(got.subarray(half).equals(whole.subarray(whole.length - Math.max(0, got.length - half)))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('sends the first line at once', () => {
    const seen: string[] = [];
    const tap = new LogTap(
      (_stream, bytes) => seen.push(new TextDecoder().decode(bytes)),
      () => 0,
    );
    tap.write('stderr', new TextEncoder().encode('hello\n'));
    expect(seen).toEqual(['hello\n']);
  });
});
