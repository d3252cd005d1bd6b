// The one connection that writes: opened, checked (WAL, synchronous=FULL read back), migrated, and batches run on it with their
// failures named. Runs inside the writer thread; nothing else may open the file for writing or checkpoint it.
import { pathToFileURL } from 'node:url';
import { type Client, createClient } from '@libsql/client';
import { CommitError, type CommitFailure, type SqlResult, type SqlRow, type Statement } from './committer.ts';
import type { SqlTransport } from './libsql-committer.ts';
import { migrate } from './migrate.ts';

const SYNCHRONOUS_FULL = 2;

/** @throws CommitError fatal when the file can not be opened, is newer than this program, or will not run with FULL. */
export async function openConnection(path: string): Promise<SqlTransport> {
  let client: Client;
  try {
    client = createClient({ url: pathToFileURL(path).href, concurrency: 1, intMode: 'number' });
    await client.execute('pragma journal_mode = wal');
    await client.execute('pragma synchronous = full');
    await assertDurable(client);
    await migrate(client);
  } catch (thrown) {
    throw commitErrorOf(thrown, 'fatal');
  }
  return {
    batch: (statements) => runBatch(client, statements),
    close: async () => {
      client.close();
    },
  };
}

/** Reads the settings back: a store that is only probably durable must not start. */
export async function assertDurable(client: Client): Promise<void> {
  const mode = String((await client.execute('pragma journal_mode')).rows[0]?.[0]);
  const synchronous = Number((await client.execute('pragma synchronous')).rows[0]?.[0]);
  if (mode !== 'wal') throw new CommitError('fatal', `the database must run in WAL mode but runs in "${mode}"; its file system may not support it`);
  if (synchronous !== SYNCHRONOUS_FULL) throw new CommitError('fatal', `the database must run with synchronous=FULL (2) but reports ${synchronous}`);
}

async function runBatch(client: Client, statements: readonly Statement[]): Promise<readonly SqlResult[]> {
  try {
    const results = await client.batch(
      statements.map(({ sql, args }) => ({ sql, args: [...args] })),
      'write',
    );
    return results.map((result) => ({ rowsAffected: result.rowsAffected, rows: result.rows.map((row) => plainRow(result.columns, row)) }));
  } catch (thrown) {
    // A failed batch may have cost the pool its connection, and pragmas are per connection.
    const error = commitErrorOf(thrown, 'illegal');
    if (error.failure !== 'fatal') {
      try {
        await client.execute('pragma synchronous = full');
        await assertDurable(client);
      } catch (later) {
        throw commitErrorOf(later, 'full');
      }
    }
    throw error;
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
