// The reading connection: libSQL's synchronous binding opened with mode=ro, so that it can neither write nor checkpoint, under
// drizzle. Lives in the reader thread.
import { pathToFileURL } from 'node:url';
import { drizzle, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy';
import Database from 'libsql';

export type ReadDatabase = SqliteRemoteDatabase;

/** Waits that long for a checkpoint to let go of the file. */
const BUSY_MS = 500;

export function openReadDatabase(path: string): ReadDatabase {
  // `readonly: true` is ignored by this binding, and `pragma query_only` would still checkpoint: only the URL parameter binds.
  const connection = new Database(`${pathToFileURL(path).href.replace('file://', 'file:')}?mode=ro`, { timeout: BUSY_MS });
  return drizzle(async (sql, params, method) => {
    const statement = connection.prepare(sql).raw(true);
    const rows = statement.all(params) as unknown[][];
    return { rows: method === 'get' ? (rows[0] ?? []) : rows };
  });
}
