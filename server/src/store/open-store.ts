// Opens the store of one coordinator: the writer thread with its queue, the reading thread, and what is built on them.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { toUdcsError, UdcsError } from '@udcs/protocol';
import { AccessStore } from './access-store.ts';
import { ArtifactCatalog } from './artifact-catalog.ts';
import { LibsqlCommitter } from './libsql-committer.ts';
import { openReader, type StoreReader } from './reader.ts';
import { openThreadTransport } from './thread-transport.ts';
import { WriterQueue, type WriterQueueOptions } from './writer-queue.ts';

export interface StoreOptions extends Partial<Omit<WriterQueueOptions, 'onFatal'>> {
  readonly dataDir: string;
  /** Must end the process: the disk's content is unknown, or the writer thread is gone. */
  readonly onFatal: (error: Error) => void;
}

export interface Store {
  readonly writer: WriterQueue;
  readonly reader: StoreReader;
  readonly access: AccessStore;
  readonly artifacts: ArtifactCatalog;
  /** Writes what is left and closes. */
  close(): Promise<void>;
}

const databasePath = (dataDir: string): string => join(dataDir, 'udcs.db');

/** @throws UdcsError STORE_UNAVAILABLE when the database can not be opened safely */
export async function openStore(options: StoreOptions): Promise<Store> {
  const writer = await openWriter(options);
  const reader = openReader(databasePath(options.dataDir));
  const access = await AccessStore.open(writer);
  const artifacts = await ArtifactCatalog.open(writer, reader);
  const close = async (): Promise<void> => {
    await reader.close();
    await writer.close();
  };
  return { writer, reader, access, artifacts, close };
}

/** The writing side alone. @throws UdcsError STORE_UNAVAILABLE when the database can not be opened safely */
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
