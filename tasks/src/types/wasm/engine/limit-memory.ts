// Writes a maximum into a module's memory section, so that memory.grow past the cap fails inside the guest. Runs before any
// compilation; it also refuses what is no MVP memory: shared, 64-bit or several memories. It does not validate the rest.
import { UdcsError } from '@udcs/protocol';
import { PAGE_BYTES } from '../task.ts';
import { Cursor, encodeUnsigned, moduleInvalid } from './leb128.ts';

export interface MemoryFacts {
  readonly kind: 'none' | 'own' | 'imported';
  readonly minPages: number;
  readonly maxPages: number;
}

export interface LimitedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly memory: MemoryFacts;
}

const SECTION_IMPORT = 2;
const SECTION_MEMORY = 5;
const MAGIC = [0x00, 0x61, 0x73, 0x6d] as const;

interface Limits {
  readonly min: number;
  readonly max: number | null;
}

function checkHeader(bytes: Uint8Array): void {
  if (bytes.length === 0) throw moduleInvalid('the module is empty');
  if (!MAGIC.every((byte, at) => bytes[at] === byte))
    throw moduleInvalid('this is not a WebAssembly module: it does not begin with "\\0asm"', 'upload the .wasm file, not its source or text form');
  if (bytes.length < 8) throw moduleInvalid(`the module is cut off at byte ${bytes.length}`);
  const version = new DataView(bytes.buffer, bytes.byteOffset, 8).getUint32(4, true);
  if (version === 0x0001_000d)
    throw moduleInvalid('this is a WebAssembly component (WASI 0.2)', 'build for wasm32-wasi (preview 1), which makes a core module');
  if (version !== 1) throw moduleInvalid(`binary version ${version} is not known`);
}

function readLimits(cursor: Cursor, what: 'memory' | 'table'): Limits {
  const flags = cursor.byte();
  if (what === 'memory' && (flags & 2) !== 0) throw moduleInvalid('shared memory (threads) is not offered', 'build without -pthread or -matomics');
  if (what === 'memory' && (flags & 4) !== 0) throw moduleInvalid('64-bit memory is not offered', 'build for wasm32');
  if (what === 'memory' && flags > 1) throw moduleInvalid(`memory limits have unknown flags ${flags}`);
  const min = cursor.unsigned();
  return { min, max: (flags & 1) === 0 ? null : cursor.unsigned() };
}

/** A value type is one byte, except the two forms of reference that a heap type follows. */
function skipValueType(cursor: Cursor): void {
  const byte = cursor.byte();
  if (byte === 0x63 || byte === 0x64) cursor.skipInteger();
}

function importedMemory(section: Cursor): Limits | null {
  let found: Limits | null = null;
  for (let left = section.unsigned(); left > 0; left--) {
    section.name();
    section.name();
    const kind = section.byte();
    if (kind === 0) section.skipInteger();
    else if (kind === 1) {
      skipValueType(section);
      readLimits(section, 'table');
    } else if (kind === 2) {
      if (found !== null) throw moduleInvalid('more than one memory is not offered');
      found = readLimits(section, 'memory');
    } else if (kind === 3) {
      skipValueType(section);
      section.byte();
    } else if (kind === 4) {
      section.byte();
      section.skipInteger();
    } else throw moduleInvalid(`an import has the unknown kind ${kind}`);
  }
  return found;
}

function ownMemory(section: Cursor): Limits | null {
  const count = section.unsigned();
  if (count > 1) throw moduleInvalid('more than one memory is not offered');
  return count === 0 ? null : readLimits(section, 'memory');
}

function capped(limits: Limits, capPages: number): { minPages: number; maxPages: number } {
  if (limits.min > capPages) {
    const MiB = 1024 * 1024;
    throw new UdcsError(
      'MEMORY_LIMIT',
      `the module starts with ${(limits.min * PAGE_BYTES) / MiB} MiB of memory and may have ${(capPages * PAGE_BYTES) / MiB} MiB`,
      {
        hint: 'raise resources.memoryBytes (or memory.maxBytes of the spec), or build with a smaller initial memory',
      },
    );
  }
  return { minPages: limits.min, maxPages: Math.min(limits.max ?? capPages, capPages) };
}

function joined(parts: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * @param capPages most 64 KiB pages the guest may have; a smaller maximum of the module's own stays
 * @throws UdcsError MODULE_INVALID, or MEMORY_LIMIT when the module starts with more
 */
export function limitMemory(bytes: Uint8Array, capPages: number): LimitedModule {
  checkHeader(bytes);
  const cursor = new Cursor(bytes, 8);
  let imported: Limits | null = null;
  let own: { limits: Limits; from: number; to: number } | null = null;
  while (!cursor.isAtEnd) {
    const from = cursor.at;
    const id = cursor.byte();
    const section = cursor.part(cursor.unsigned());
    if (id === SECTION_IMPORT) imported = importedMemory(section);
    if (id === SECTION_MEMORY) {
      const limits = ownMemory(section);
      if (limits !== null && (own !== null || imported !== null)) throw moduleInvalid('more than one memory is not offered');
      if (limits !== null) own = { limits, from, to: cursor.at };
    }
  }
  if (own !== null) {
    const { minPages, maxPages } = capped(own.limits, capPages);
    const body = [1, 1, ...encodeUnsigned(minPages), ...encodeUnsigned(maxPages)];
    return {
      bytes: joined([bytes.subarray(0, own.from), [SECTION_MEMORY, ...encodeUnsigned(body.length), ...body], bytes.subarray(own.to)]),
      memory: { kind: 'own', minPages, maxPages },
    };
  }
  if (imported !== null) return { bytes: joined([bytes]), memory: { kind: 'imported', ...capped(imported, capPages) } };
  return { bytes: joined([bytes]), memory: { kind: 'none', minPages: 0, maxPages: 0 } };
}
