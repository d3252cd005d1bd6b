// Rows as the parameters of one statement: `with f (c0, c1, …) as (values …)`. For the wide hot rows this costs a third of
// json_each(?), which parses a row's text again for each of its columns; the narrow and rare ones stay with json_each.
import type { SqlValue } from '../committer.ts';

/** Rows of one statement, largest first. Few sizes, so that statements stay prepared. */
const SIZES = [128, 16, 4, 1] as const;

/** Cuts rows into parts of those sizes, in their order. */
export function partsOf<T>(rows: readonly T[]): (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  let from = 0;
  for (const size of SIZES) for (; rows.length - from >= size; from += size) parts.push(rows.slice(from, from + size));
  return parts;
}

const made = new Map<string, string>();

/** The head of a statement over `rows` rows of `columns` columns, named f. */
export function rowsTable(columns: number, rows: number): string {
  const name = `${columns}x${rows}`;
  let text = made.get(name);
  if (text === undefined) {
    const row = `(${Array(columns).fill('?').join(',')})`;
    text = `with f (${Array.from({ length: columns }, (_, at) => `c${at}`).join(', ')}) as (values ${Array(rows).fill(row).join(',')})`;
    if (made.size < 2_000) made.set(name, text);
  }
  return text;
}

/** A JSON column: null and undefined are SQL null. */
export const jsonCell = (value: unknown): SqlValue => (value === null || value === undefined ? null : JSON.stringify(value));
