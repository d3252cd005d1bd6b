// Job files: YAML or JSON in the schema of the API, plus one convenience: files of this machine may be named where the API
// wants digests or text. They are uploaded and replaced here; the coordinator checks everything else.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { type Job, UdcsError } from '@udcs/protocol';
import { type Document, parseDocument, type YAMLParseError } from 'yaml';
import type { Grid } from '../sdk/index.ts';
import type { Context } from './context.ts';
import { bytesText, countText } from './words.ts';

/** Reads `file` (`-` = stdin), uploads what it names and returns the job to submit. @throws UdcsError INVALID_INPUT */
export async function readJobFile(context: Context, grid: Grid, file: string): Promise<Job> {
  const text = file === '-' ? await readStdinText() : await readText(file);
  if (text.startsWith('\0asm')) throw new UdcsError('INVALID_INPUT', `${file} is a WASM module, not a job file`, { hint: `udcs wasm ${file}` });
  const parsed = parseJobText(text, file);
  const folder = file === '-' ? process.cwd() : dirname(resolve(file));
  const job = await replaceFiles(context, grid, parsed, folder);
  return { ...(job['name'] === undefined && file !== '-' ? { name: basename(file).replace(/\.(ya?ml|json)$/, '') } : {}), ...job } as Job;
}

/** @throws UdcsError INVALID_INPUT with line and column */
export function parseJobText(text: string, file: string): Record<string, unknown> {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  const first = document.errors[0];
  if (first !== undefined) throw yamlError(first, file);
  const value = plainValue(document, file);
  if (!isMapping(value))
    throw new UdcsError(
      'INVALID_INPUT',
      `${file}: a job file holds one mapping of keys, not ${value === null ? 'nothing' : Array.isArray(value) ? 'a list' : `a ${typeof value}`}`,
      { hint: 'the shortest one has the keys type and spec' },
    );
  return value;
}

/** Aliases that point nowhere, or unfold without end, are found only here. */
function plainValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new UdcsError('INVALID_INPUT', `${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { hint: 'a job file is YAML or JSON', cause });
  }
}

function yamlError(error: YAMLParseError | { message: string; linePos?: { line: number; col: number }[] }, file: string): UdcsError {
  const at = error.linePos?.[0];
  const message = error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not valid YAML';
  return new UdcsError('INVALID_INPUT', `${file}${at === undefined ? '' : `:${at.line}:${at.col}`}: ${message}`, { hint: 'a job file is YAML or JSON' });
}

interface FileUse {
  readonly path: string;
  readonly put: (digest: string) => void;
}

/** Keys of a spec whose text may be a path. */
const PATH_KEYS: ReadonlySet<string> = new Set(['module', 'executable']);
/** Relative to the job file; `~/` is the home folder. */
const located = (folder: string, path: string): string => (path.startsWith('~/') ? resolve(homedir(), path.slice(2)) : resolve(folder, path));
const looksLikePath = (text: string): boolean => /^(\.{1,2}\/|\/|~\/)/.test(text);

async function replaceFiles(context: Context, grid: Grid, job: Record<string, unknown>, folder: string): Promise<Record<string, unknown>> {
  const uploads: FileUse[] = [];
  const texts: { path: string; put: (text: string) => void }[] = [];
  const copy: unknown = visit(job, 'job', null, uploads, texts);
  for (const { path, put } of texts) put(await readText(located(folder, path)));
  if (uploads.length > 0) {
    const given = uploads.map(({ path }) => ({ path: located(folder, path) }));
    const done = await grid.artifacts.putMany(given, { signal: context.signal });
    for (const [at, { digest }] of done.entries()) uploads[at]?.put(digest);
    const sent = done.filter(({ sent: isSent }) => isSent);
    if (sent.length > 0) context.out.note(`uploaded ${countText(sent.length, 'file')} (${bytesText(sent.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))})`);
  }
  return copy as Record<string, unknown>;
}

/** A deep copy in which every named file is remembered, to be replaced in place once its digest or text is known. */
function visit(
  value: unknown,
  key: string,
  put: ((replacement: unknown) => void) | null,
  uploads: FileUse[],
  texts: { path: string; put: (text: string) => void }[],
): unknown {
  if (typeof value === 'string' && put !== null && PATH_KEYS.has(key) && looksLikePath(value)) uploads.push({ path: value, put });
  if (isMapping(value) && put !== null && typeof value['file'] === 'string' && Object.keys(value).length === 1) {
    const path = value['file'];
    if (key === 'code') texts.push({ path, put });
    else uploads.push({ path, put: key === 'source' ? (digest) => put({ digest }) : put });
    return value;
  }
  if (Array.isArray(value)) {
    const copy: unknown[] = [];
    for (const [at, item] of value.entries()) {
      copy[at] = visit(
        item,
        key,
        (replacement) => {
          copy[at] = replacement;
        },
        uploads,
        texts,
      );
    }
    return copy;
  }
  if (!isMapping(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    copy[name] = visit(
      item,
      name,
      (replacement) => {
        copy[name] = replacement;
      },
      uploads,
      texts,
    );
  }
  return copy;
}

const isMapping = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw cannotRead(file, cause);
  }
}

export function cannotRead(file: string, cause: unknown): UdcsError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const why =
    { ENOENT: 'there is no such file', EACCES: 'it may not be read', EISDIR: 'it is a folder' }[code] ??
    (cause instanceof Error ? cause.message : String(cause));
  return new UdcsError('INVALID_INPUT', `can not read ${file}: ${why}`, { cause });
}

async function readStdinText(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
