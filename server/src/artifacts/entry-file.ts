// Array entries kept as an artifact: one JSON object per line. The line starts are found once, then any entry is one small read.

import { buffer } from 'node:stream/consumers';
import { type Digest, type Entry, entrySchema, UdcsError } from '@udcs/protocol';
import type { ArtifactBytes } from './artifact-bytes.ts';

const FILES_KEPT = 8;
const NEWLINE = 0x0a;

interface LineIndex {
  /** Byte where each line starts, and one more where the last one ends. */
  readonly starts: Float64Array;
  readonly lines: number;
}

export class EntryFiles {
  readonly #bytes: ArtifactBytes;
  readonly #indexes = new Map<Digest, Promise<LineIndex>>();

  constructor(bytes: ArtifactBytes) {
    this.#bytes = bytes;
  }

  /** How many entries the file has. */
  async count(digest: Digest): Promise<number> {
    return (await this.#index(digest)).lines;
  }

  /** Entries in the order of `indexes`. @throws UdcsError INPUT_UNAVAILABLE, INVALID_INPUT */
  async read(digest: Digest, indexes: readonly number[]): Promise<readonly Entry[]> {
    const index = await this.#index(digest);
    const file = await this.#open(digest);
    return Promise.all(
      indexes.map(async (at) => {
        const from = index.starts[at];
        const to = index.starts[at + 1];
        if (at >= index.lines || from === undefined || to === undefined)
          throw new UdcsError('INVALID_INPUT', `entry ${at} does not exist: the file has ${index.lines}`);
        return parseEntry((await buffer(file.open({ from, bytes: to - from }))).toString('utf8'), at);
      }),
    );
  }

  #open(digest: Digest) {
    return this.#bytes.find({ owner: null }, digest).catch((cause: unknown) => {
      throw new UdcsError('INPUT_UNAVAILABLE', `the entries file ${digest} is not there`, { cause });
    });
  }

  #index(digest: Digest): Promise<LineIndex> {
    const known = this.#indexes.get(digest);
    if (known !== undefined) return known;
    const made = this.#scan(digest);
    made.catch(() => this.#indexes.delete(digest));
    const oldest = this.#indexes.keys().next();
    if (this.#indexes.size >= FILES_KEPT && oldest.done !== true) this.#indexes.delete(oldest.value);
    this.#indexes.set(digest, made);
    return made;
  }

  async #scan(digest: Digest): Promise<LineIndex> {
    const file = await this.#open(digest);
    const starts: number[] = [0];
    let position = 0;
    for await (const chunk of file.open({ from: 0, bytes: file.sizeBytes }) as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) starts.push(position + at + 1);
      position += chunk.length;
    }
    if (starts.at(-1) !== position) starts.push(position); // the last line may lack its newline
    return { starts: Float64Array.from(starts), lines: starts.length - 1 };
  }
}

function parseEntry(line: string, at: number): Entry {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw new UdcsError('INVALID_INPUT', `line ${at + 1} of the entries file is not JSON`, { cause });
  }
  const parsed = entrySchema.safeParse(json);
  if (!parsed.success) throw new UdcsError('INVALID_INPUT', `line ${at + 1} of the entries file is not an object of texts and numbers`);
  return parsed.data;
}
