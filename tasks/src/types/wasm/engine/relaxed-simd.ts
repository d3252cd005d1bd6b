// Finds relaxed SIMD instructions (their results are the CPU's choice) by walking every function body. It knows the immediates
// of each instruction up to WASM 3.0 and refuses what it does not know, so nothing can hide behind an unknown byte.
import { Cursor, moduleInvalid } from './leb128.ts';

const SECTION_CODE = 10;
const FIRST_RELAXED = 0x100;

type Skip = (cursor: Cursor) => void;

const one: Skip = (cursor) => cursor.skipInteger();
const two: Skip = (cursor) => {
  cursor.skipInteger();
  cursor.skipInteger();
};
const none: Skip = () => undefined;
const bytes =
  (count: number): Skip =>
  (cursor) =>
    cursor.skip(count);

function memoryArgument(cursor: Cursor): void {
  const flags = cursor.unsigned();
  if ((flags & 0x40) !== 0) cursor.skipInteger();
  cursor.skipInteger();
}

/** A block type or value type: one LEB, or the byte 0x63/0x64 and a heap type. */
function blockType(cursor: Cursor): void {
  const first = cursor.byte();
  if (first === 0x63 || first === 0x64) cursor.skipInteger();
  else if (first >= 0x80) cursor.skipInteger();
}

function list(item: Skip, after: Skip = none): Skip {
  return (cursor) => {
    for (let left = cursor.unsigned(); left > 0; left--) item(cursor);
    after(cursor);
  };
}

function catchClause(cursor: Cursor): void {
  const kind = cursor.byte();
  if (kind <= 1) cursor.skipInteger();
  cursor.skipInteger();
}

function branchOnCast(cursor: Cursor): void {
  cursor.skip(1);
  cursor.skipInteger();
  two(cursor);
}

const PLAIN: ReadonlyMap<number, Skip> = new Map<number, Skip>([
  ...[0x00, 0x01, 0x05, 0x0a, 0x0b, 0x0f, 0x19, 0x1a, 0x1b, 0xd1, 0xd3, 0xd4].map((code): [number, Skip] => [code, none]),
  ...[0x02, 0x03, 0x04, 0x06].map((code): [number, Skip] => [code, blockType]),
  ...[0x07, 0x08, 0x09, 0x0c, 0x0d, 0x10, 0x12, 0x14, 0x15, 0x18, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42, 0xd0, 0xd2, 0xd5, 0xd6].map(
    (code): [number, Skip] => [code, one],
  ),
  [0x0e, list(one, one)],
  [0x11, two],
  [0x13, two],
  [0x1c, list(blockType)],
  [
    0x1f,
    (cursor) => {
      blockType(cursor);
      list(catchClause)(cursor);
    },
  ],
  [0x43, bytes(4)],
  [0x44, bytes(8)],
]);

const GC: readonly Skip[] = [
  one,
  one,
  two,
  two,
  two,
  two,
  one,
  one,
  two,
  two,
  two,
  one,
  one,
  one,
  one,
  none,
  one,
  two,
  two,
  two,
  one,
  one,
  one,
  one,
  branchOnCast,
  branchOnCast,
  none,
  none,
  none,
  none,
  none,
];
const BULK: readonly Skip[] = [none, none, none, none, none, none, none, none, two, one, two, one, two, one, two, one, one, one];

function simd(sub: number): Skip {
  if (sub <= 11 || sub === 92 || sub === 93) return memoryArgument;
  if (sub === 12 || sub === 13) return bytes(16);
  if (sub >= 21 && sub <= 34) return bytes(1);
  if (sub >= 84 && sub <= 91) {
    return (cursor) => {
      memoryArgument(cursor);
      cursor.skip(1);
    };
  }
  return none;
}

/** Steps over one instruction. True = it is a relaxed SIMD one. */
function step(cursor: Cursor): boolean {
  const code = cursor.byte();
  if (code >= 0x45 && code <= 0xc4) return false;
  if (code >= 0x28 && code <= 0x3e) {
    memoryArgument(cursor);
    return false;
  }
  if (code < 0xfb) {
    const skip = PLAIN.get(code);
    if (skip === undefined) throw moduleInvalid(`the instruction 0x${code.toString(16)} at byte ${cursor.at - 1} is not known`);
    skip(cursor);
    return false;
  }
  const sub = cursor.unsigned();
  if (code === 0xfd) {
    if (sub >= FIRST_RELAXED) return true;
    simd(sub)(cursor);
    return false;
  }
  const skip = code === 0xfb ? GC[sub] : code === 0xfc ? BULK[sub] : undefined;
  if (skip === undefined)
    throw moduleInvalid(code === 0xfe ? 'atomic instructions (threads) are not offered' : `the instruction 0x${code.toString(16)} ${sub} is not known`);
  skip(cursor);
  return false;
}

function searchBody(body: Cursor): boolean {
  for (let groups = body.unsigned(); groups > 0; groups--) {
    body.skipInteger();
    blockType(body);
  }
  while (!body.isAtEnd) if (step(body)) return true;
  return false;
}

/** @param module bytes whose section frame limit-memory.ts has already walked */
export function findRelaxedSimd(module: Uint8Array): boolean {
  const cursor = new Cursor(module, 8);
  while (!cursor.isAtEnd) {
    const id = cursor.byte();
    const section = cursor.part(cursor.unsigned());
    if (id !== SECTION_CODE) continue;
    for (let left = section.unsigned(); left > 0; left--) if (searchBody(section.part(section.unsigned()))) return true;
  }
  return false;
}
