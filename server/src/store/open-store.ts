// Opens the store of one coordinator: the writer thread with its queue, the reading thread, and what is built on them.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { toUdcsError, UdcsError } from '@udcs/protocol';
import { LibsqlCommitter } from './libsql-committer.ts';
import { openThreadTransport } from './thread-transport.ts';
import { WriterQueue, type WriterQueueOptions } from './writer-queue.ts';

export interface StoreOptions extends Partial<Omit<WriterQueueOptions, 'onFatal'>> {
  readonly dataDir: string;
  /** Must end the process: the disk's content is unknown, or the writer thread is gone. */
  readonly onFatal: (error: Error) => void;
}

export const databasePath = (dataDir: string): string => join(dataDir, 'udcs.db');

/** @throws UdcsError STORE_UNAVAILABLE when the database can not be opened safely */
export async function openWriter(options: StoreOptions): Promise<WriterQueue> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const path = databasePath(options.dataDir);
  const transport = await openThreadTransport(path, options.onFatal).catch((thrown: unknown) => {
    throw new UdcsError('STORE_UNAVAILABLE', `can not open ${path}: ${toUdcsError(thrown).message}`, {
      hint: 'see the message; nothing was changed',
      cause: thrown,
    });
  });
  return new WriterQueue(new LibsqlCommitter(transport), { wait: (ms) => wait(ms), ...options });
}
