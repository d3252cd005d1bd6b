// The picture filling in, for `--open`: a page of its own on loopback that draws each tile as it arrives, tinted for a moment by the
// kind of worker that made it. Tiles are pushed by server-sent events; nothing polls.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { picture, type TileSink } from './scene-part.ts';

export interface Viewer extends TileSink {
  readonly url: string;
  close(): void;
}

export async function openViewer(): Promise<Viewer> {
  const watchers = new Set<ServerResponse>();
  const sent: string[] = [];
  const page = readFileSync(join(import.meta.dirname, 'viewer.html'), 'utf8').replace('"PICTURE"', JSON.stringify(picture));
  const server = createServer((request, response) => {
    if (request.url === '/tiles') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      for (const event of sent) response.write(event);
      watchers.add(response);
      request.once('close', () => watchers.delete(response));
    } else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
  openInBrowser(url);
  return {
    url,
    tile(index, pixels, maker) {
      const event = `data: ${JSON.stringify({ index, maker, pixels: Buffer.from(pixels).toString('base64') })}\n\n`;
      sent.push(event);
      for (const watcher of watchers) watcher.write(event);
    },
    close() {
      for (const watcher of watchers) watcher.end();
      server.close();
    },
  };
}

export function openInBrowser(url: string): void {
  const [command, ...args] = process.platform === 'darwin' ? ['open', url] : process.platform === 'win32' ? ['cmd', '/c', 'start', '', url] : ['xdg-open', url];
  const child = spawn(command as string, args, { stdio: 'ignore', detached: true });
  child.once('error', () => console.error(`could not open a browser here; the page is ${url}`));
  child.unref();
}
