// Entry of the writer thread: one connection, one batch at a time, so that an fsync never holds up the event loop of the shell.
import { parentPort, workerData } from 'node:worker_threads';
import { CommitError, type SqlResult, type Statement } from './committer.ts';
import { openConnection } from './connection.ts';
import type { SqlTransport } from './libsql-committer.ts';

export type ToWriter = { readonly id: number; readonly batch: readonly Statement[] } | { readonly id: number; readonly close: true };
export type FromWriter =
  | { readonly id: number; readonly results: readonly SqlResult[] }
  | { readonly id: number; readonly failure: CommitError['failure']; readonly message: string };

const port = parentPort;
if (port === null) throw new Error('writer-thread.ts runs as a worker thread only');

const connection: Promise<SqlTransport> = openConnection((workerData as { path: string }).path);
connection.catch(() => undefined); // told in the answer to the first call
let turn: Promise<void> = Promise.resolve();

async function answer(message: ToWriter): Promise<void> {
  try {
    const open = await connection;
    if ('close' in message) {
      await open.close();
      reply({ id: message.id, results: [] });
      port?.close();
      return;
    }
    reply({ id: message.id, results: await open.batch(message.batch) });
  } catch (thrown) {
    const failure = thrown instanceof CommitError ? thrown.failure : 'fatal';
    reply({ id: message.id, failure, message: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

const reply = (message: FromWriter): void => port.postMessage(message);

port.on('message', (message: ToWriter) => {
  turn = turn.then(() => answer(message));
});
