// The browser worker's built files under /worker/: hashed names never change, manifest.json is asked again each time. Names are
// taken from the built folder only, so no path from outside reaches the file system.
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UdcsError } from '@udcs/protocol';
import { answerError } from './answers.ts';
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
};

/** A name that carries at least eight hash characters before its extension. */
const HASHED = /[-.][A-Za-z0-9_]{8,}\.[a-z]+(\.map)?$/;

export function createWorkerBundle(options: {
  readonly folder: string;
  readonly socketOrigin: string;
}): (request: IncomingMessage, response: ServerResponse, name: string) => Promise<void> {
  let files: ReadonlySet<string> = new Set();
  const csp = workerCsp(options.socketOrigin);
  return async (request, response, name) => {
    if (!files.has(name)) files = await listFiles(options.folder); // built again since
    if (files.size === 0)
      return answerError(request, response, new UdcsError('NOT_FOUND', 'the browser worker is not built', { hint: 'run "npm run build" and start again' }));
    if (!files.has(name)) return answerError(request, response, new UdcsError('NOT_FOUND', 'there is no such file in the browser worker'));
    const path = join(options.folder, name);
    const { size } = await stat(path);
    response.writeHead(200, {
      'content-type': contentTypes[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
      'content-length': size,
      'cache-control': name !== 'manifest.json' && HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': csp,
    });
    if (request.method === 'HEAD') response.end();
    else await pipeline(createReadStream(path), response);
  };
}

async function listFiles(folder: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return new Set(entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/')));
}
