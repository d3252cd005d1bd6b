// Checking a manifest's parts while their bytes pass by, however they are cut.
import { createHash } from 'node:crypto';
import type { Digest, Manifest } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manifestOf, PartsCheck } from './joined.ts';

const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const wholeParts = (parts: readonly Uint8Array[]): Manifest => ({
  kind: 'udcs.manifest/1',
  sizeBytes: parts.reduce((sum, part) => sum + part.length, 0),
  parts: parts.map((part) => ({ digest: digestOf(part), offset: 0, bytes: part.length, whole: true })),
});

function checked(manifest: Manifest, bytes: Buffer, chunkBytes: number): string | null {
  const check = new PartsCheck(manifest);
  for (let at = 0; at < bytes.length; at += chunkBytes) check.update(bytes.subarray(at, at + chunkBytes));
  return check.end();
}

const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
const chunkBytes = fc.integer({ min: 1, max: 50 });

describe('the parts of a manifest', () => {
  test('pass as they are, in chunks of any size', () => {
    fc.assert(
      fc.property(parts, chunkBytes, (all, size) => {
        expect(checked(wholeParts(all), Buffer.concat(all), size)).toBeNull();
      }),
    );
  });

  test('do not pass with one byte changed, missing or added', () => {
    fc.assert(
      fc.property(parts, chunkBytes, fc.nat(), (all, size, where) => {
        const bytes = Buffer.concat(all);
        expect(checked(wholeParts(all), Buffer.concat([bytes, Buffer.from('x')]), size)).toMatch(/more bytes/);
        if (bytes.length === 0) return;
        expect(checked(wholeParts(all), bytes.subarray(0, -1), size)).toMatch(/did not come whole/);
        const damaged = Buffer.from(bytes);
        const at = where % bytes.length;
        damaged[at] = (damaged[at] ?? 0) ^ 1;
        expect(checked(wholeParts(all), damaged, size)).toMatch(/came with the digest/);
      }),
    );
  });

  test('that are ranges pass by their size alone', () => {
    const range: Manifest = { kind: 'udcs.manifest/1', sizeBytes: 3, parts: [{ digest: digestOf(Buffer.from('abcdef')), offset: 0, bytes: 3 }] };
    expect(checked(range, Buffer.from('abc'), 2)).toBeNull();
    expect(checked(range, Buffer.from('ab'), 2)).toMatch(/did not come whole/);
  });

  test('are read only from a text that has the manifest’s digest and form', () => {
    const text = Buffer.from(JSON.stringify(wholeParts([Buffer.from('a')])));
    expect(manifestOf(text, digestOf(text))).toMatchObject({ sizeBytes: 1 });
    expect(manifestOf(text, digestOf(Buffer.from('other')))).toMatch(/has the digest/);
    expect(manifestOf(Buffer.from('{'), digestOf(Buffer.from('{')))).toMatch(/not JSON/);
    expect(manifestOf(Buffer.from('{}'), digestOf(Buffer.from('{}')))).toMatch(/not a manifest/);
  });
});
