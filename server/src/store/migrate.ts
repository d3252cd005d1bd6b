// Brings the database to the version of this program: the SQL files of server/drizzle in their order, each in one transaction
// together with the line that records it. A database from a newer program is refused.
import { readdirSync, readFileSync } from 'node:fs';
import type { Client } from '@libsql/client';
import { CommitError } from './committer.ts';

const FOLDER = new URL('../../drizzle/', import.meta.url);

export async function migrate(client: Client): Promise<void> {
  await client.execute('create table if not exists schema_version (version integer primary key, name text not null, applied_at_ms integer not null)');
  const applied = Number((await client.execute('select coalesce(max(version), -1) as version from schema_version')).rows[0]?.['version']);
  const files = readdirSync(FOLDER)
    .filter((file) => /^\d{4}_.*\.sql$/.test(file))
    .sort();
  const newest = files.length - 1;
  if (applied > newest) {
    throw new CommitError('fatal', `the database has schema version ${applied}, this program knows ${newest}; start a newer version of udcs on it`);
  }
  for (let version = applied + 1; version <= newest; version++) {
    const name = files[version] as string;
    const statements = readFileSync(new URL(name, FOLDER), 'utf8').split('--> statement-breakpoint');
    await client.batch(
      [
        ...statements.map((sql) => sql.trim()).filter((sql) => sql !== ''),
        { sql: 'insert into schema_version values (?, ?, ?)', args: [version, name, Date.now()] },
      ],
      'write',
    );
  }
}
