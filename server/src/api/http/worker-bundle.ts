// The browser worker's built files under /worker/: hashed names never change, manifest.json is asked again each time. Names are
// taken from the built folder only, so no path from outside reaches the file system.
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UdcsError } from '@udcs/protocol';
import * as z from 'zod';
import { workerCsp } from './headers.ts';

const contentTypes: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  map: 'application/json; charset=utf-8',
  wasm: 'application/wasm',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
};

const manifestSchema = z.object({ policies: z.record(z.string(), z.string().regex(/^[\x20-\x7e]+$/)).optional() });

/** A name that carries at least eight hash characters before its extension. */
const HASHED = /[-.][A-Za-z0-9_]{8,}\.[a-z]+(\.map)?$/;

interface Bundle {
  readonly files: ReadonlySet<string>;
  /** File → its Content-Security-Policy, from the manifest: a task's Worker may reach less than the page. */
  readonly policies: ReadonlyMap<string, string>;
}

const EMPTY: Bundle = { files: new Set(), policies: new Map() };

export function createWorkerBundle(options: {
  readonly folder: string;
  readonly socketOrigin: string;
}): (request: IncomingMessage, response: ServerResponse, name: string) => Promise<void> {
  let bundle = EMPTY;
  const csp = workerCsp(options.socketOrigin);
  return async (request, response, name) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new UdcsError('INVALID_INPUT', `${request.method} is not accepted here`, { hint: 'files are read with GET' });
    if (!bundle.files.has(name) || name === 'manifest.json') bundle = await readBundle(options.folder); // it may have been built since
    if (bundle.files.size === 0) throw new UdcsError('NOT_FOUND', 'the browser worker is not built', { hint: 'run "npm run build" and try again' });
    if (!bundle.files.has(name)) throw new UdcsError('NOT_FOUND', 'there is no such file in the browser worker');
    const path = join(options.folder, name);
    const { size } = await stat(path);
    response.writeHead(200, {
      'content-type': contentTypes[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
      'content-length': size,
      'cache-control': HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': bundle.policies.get(name) ?? csp,
    });
    if (request.method === 'HEAD') response.end();
    else await pipeline(createReadStream(path), response);
  };
}

async function readBundle(folder: string): Promise<Bundle> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Set(entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/')));
  const manifest = files.has('manifest.json') ? manifestSchema.safeParse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))) : null;
  return { files, policies: new Map(Object.entries(manifest?.data?.policies ?? {})) };
}
