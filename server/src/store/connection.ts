// The one connection that writes: opened, checked (WAL, synchronous=FULL read back), migrated, and batches run on it with their
// failures named. Runs inside the writer thread; nothing else may open the file for writing or checkpoint it.
import { pathToFileURL } from 'node:url';
import { type Client, createClient } from '@libsql/client';
import Database from 'libsql';
import { CommitError, type CommitFailure, type SqlResult, type SqlRow, type SqlValue, type Statement } from './committer.ts';
import type { SqlTransport } from './libsql-committer.ts';
import { migrate } from './migrate.ts';

const SYNCHRONOUS_FULL = 2;
/** Statements kept prepared; preparing one of 128 rows costs as much as running it. */
const PREPARED_KEPT = 256;

/** Idempotency keys come in no order: their index must fit in memory, or every key costs a page. */
const CACHE_KIB = 64 * 1024;
/** 16 MiB of log between checkpoints: pages that change often are copied once, not four times. */
const CHECKPOINT_PAGES = 4_000;

/** @throws CommitError fatal when the file can not be opened, is newer than this program, or will not run with FULL. */
export async function openConnection(path: string): Promise<SqlTransport> {
  try {
    await prepareFile(path);
    const database = new Database(path);
    setDurable(database);
    await assertDurable(asking(database));
    const prepared = new Map<string, Prepared>();
    return {
      batch: (statements) => runBatch(database, prepared, statements),
      close: async () => {
        prepared.clear();
        database.close();
      },
    };
  } catch (thrown) {
    throw commitErrorOf(thrown, 'fatal');
  }
}

async function prepareFile(path: string): Promise<void> {
  const client: Client = createClient({ url: pathToFileURL(path).href, concurrency: 1, intMode: 'number' });
  try {
    await client.execute('pragma journal_mode = wal');
    await client.execute('pragma synchronous = full');
    await assertDurable(client);
    await migrate(client);
  } finally {
    client.close();
  }
}

function setDurable(database: Database.Database): void {
  database.prepare('pragma journal_mode = wal').raw(true).all();
  database.exec('pragma synchronous = full');
  database.exec(`pragma cache_size = -${CACHE_KIB}`);
  database.prepare(`pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`).raw(true).all();
}

interface Asking {
  execute(sql: string): Promise<{ readonly rows: readonly ArrayLike<unknown>[] }>;
}

const asking = (database: Database.Database): Asking => ({
  execute: async (sql) => ({ rows: database.prepare(sql).raw(true).all() as unknown[][] }),
});

/** Reads the settings back: a store that is only probably durable must not start. */
export async function assertDurable(connection: Asking): Promise<void> {
  const mode = String((await connection.execute('pragma journal_mode')).rows[0]?.[0]);
  const synchronous = Number((await connection.execute('pragma synchronous')).rows[0]?.[0]);
  if (mode !== 'wal') throw new CommitError('fatal', `the database must run in WAL mode but runs in "${mode}"; its file system may not support it`);
  if (synchronous !== SYNCHRONOUS_FULL) throw new CommitError('fatal', `the database must run with synchronous=FULL (2) but reports ${synchronous}`);
}

interface Prepared {
  readonly statement: Database.Statement;
  /** Names of what it returns; null = it returns nothing. */
  readonly columns: readonly string[] | null;
}

function preparedFor(database: Database.Database, prepared: Map<string, Prepared>, sql: string): Prepared {
  const known = prepared.get(sql);
  if (known !== undefined) return known;
  const statement = database.prepare(sql);
  const made: Prepared = {
    statement,
    columns: statement.reader
      ? statement
          .raw(true)
          .columns()
          .map((column) => column.name)
      : null,
  };
  if (prepared.size >= PREPARED_KEPT) for (const oldest of [...prepared.keys()].slice(0, PREPARED_KEPT / 2)) prepared.delete(oldest);
  prepared.set(sql, made);
  return made;
}

async function runBatch(database: Database.Database, prepared: Map<string, Prepared>, statements: readonly Statement[]): Promise<readonly SqlResult[]> {
  try {
    database.exec('begin immediate');
    const results = statements.map(({ sql, args }) => run(preparedFor(database, prepared, sql), args));
    database.exec('commit');
    return results;
  } catch (thrown) {
    const error = commitErrorOf(thrown, 'illegal');
    prepared.clear();
    if (error.failure !== 'fatal') await recover(database);
    throw error;
  }
}

function run({ statement, columns }: Prepared, args: readonly SqlValue[]): SqlResult {
  if (columns === null) return { rowsAffected: statement.run(args).changes, rows: [] };
  return { rowsAffected: 0, rows: (statement.all(args) as unknown[][]).map((row) => plainRow(columns, row)) };
}

/** Nothing of the failed batch may stay open, and the connection must still be what it was. */
async function recover(database: Database.Database): Promise<void> {
  try {
    if (database.inTransaction) database.exec('rollback');
    await assertDurable(asking(database));
  } catch (thrown) {
    throw commitErrorOf(thrown, 'full');
  }
}

const plainRow = (columns: readonly string[], row: ArrayLike<unknown>): SqlRow =>
  Object.fromEntries(columns.map((column, at) => [column, (row[at] ?? null) as string | number | null]));

/** Extended codes of a sync that failed: what reached the disk is unknown. */
const FSYNC_CODES = new Set([1034, 1290]);

function commitErrorOf(thrown: unknown, otherwise: CommitFailure): CommitError {
  if (thrown instanceof CommitError) return thrown;
  const { code, rawCode, message } = thrown as { code?: unknown; rawCode?: unknown; message?: unknown };
  return new CommitError(failureOf(String(code ?? ''), Number(rawCode ?? 0), otherwise), String(message ?? thrown), { cause: thrown });
}

function failureOf(code: string, rawCode: number, otherwise: CommitFailure): CommitFailure {
  if (FSYNC_CODES.has(rawCode) || code.includes('FSYNC')) return 'fatal';
  if (/CORRUPT|NOTADB|NOMEM|MISUSE|CLIENT_CLOSED/.test(code)) return 'fatal';
  if (/FULL|IOERR|BUSY|LOCKED|CANTOPEN|READONLY/.test(code)) return otherwise === 'fatal' ? 'fatal' : 'full';
  return otherwise;
}
