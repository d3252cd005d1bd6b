// Entry of the reader thread: one read at a time on a connection that can not write.
import { parentPort, workerData } from 'node:worker_threads';
import { openReadDatabase, type ReadDatabase } from './reads/database.ts';
import * as reads from './reads/index.ts';

export interface ToReader {
  readonly id: number;
  /** 'ready' only asks whether the thread has started. */
  readonly read: keyof typeof reads | 'ready';
  readonly input: never;
}
export type FromReader = { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly error: string };

const port = parentPort;
if (port === null) throw new Error('reader-thread.ts runs as a worker thread only');

const database: ReadDatabase = openReadDatabase((workerData as { path: string }).path);
const table: Record<keyof typeof reads, (db: ReadDatabase, input: never) => Promise<unknown>> = { ...reads };
let turn: Promise<void> = Promise.resolve();

async function answer({ id, read, input }: ToReader): Promise<void> {
  try {
    reply({ id, answer: read === 'ready' ? null : await table[read](database, input) });
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause instanceof Error ? `: ${thrown.cause.message}` : '';
    reply({ id, error: `${thrown instanceof Error ? thrown.message : String(thrown)}${cause}` });
  }
}

const reply = (message: FromReader): void => port.postMessage(message);

port.on('message', (message: ToReader) => {
  turn = turn.then(() => answer(message));
});
