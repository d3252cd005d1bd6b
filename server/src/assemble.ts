// Starts a coordinator: port, lock of the data folder, grid, API, in this order, and takes them down in the reverse. Used by main.ts
// and by tests that want a whole coordinator inside their process.
import { mkdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UdcsError } from '@udcs/protocol';
import type { Logger } from 'pino';
import type { Doors } from './api/auth/first-start.ts';
import { type CoordinatorOptions, urlOf } from './api/command-line.ts';
import { lockDataDir } from './api/data-lock.ts';
import { inviteUrl } from './api/handlers/handlers.ts';
import { createHttpServer, type HttpParts, type HttpServer } from './api/http/server.ts';
import { openApi } from './assemble-api.ts';
import { openGrid } from './assemble-grid.ts';

export interface RunningCoordinator {
  readonly url: string;
  readonly doors: Doors;
  readonly dashboardUrl: string;
  readonly joinUrl: string;
  readonly donateUrl: string;
  /** Why there is no dashboard, or null. */
  readonly withoutDashboard: string | null;
  /** Gives no new lease, takes results for up to `withinMs`, then closes everything. */
  drain(withinMs?: number): Promise<void>;
}

function makeDataDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const why = { EEXIST: 'it is a file', ENOTDIR: 'a part of the path is a file', EACCES: 'no permission', EROFS: 'the file system is read-only' }[code];
    throw new UdcsError('INVALID_INPUT', `can not make the data folder ${dir}: ${why ?? (cause instanceof Error ? cause.message : String(cause))}`, {
      hint: 'choose another with --data or UDCS_DATA',
      cause,
    });
  }
}

/** @throws UdcsError CONFLICT when the port or the data folder is taken, STORE_UNAVAILABLE */
export async function startCoordinator(options: CoordinatorOptions, log: Logger, onFatal: (error: Error) => void): Promise<RunningCoordinator> {
  makeDataDir(options.dataDir);
  let parts: HttpParts | null = null;
  const http = createHttpServer(() => parts);
  const port = await listen(http, options);
  const closers: (() => Promise<void> | void)[] = [() => http.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };
  try {
    closers.push(lockDataDir(options.dataDir));
    const url = urlOf(options, port);
    const running = await openGrid(options, log, onFatal);
    closers.push(running.close);
    const served = await openApi(options, log, http, running, { url, port });
    parts = served.parts;
    closers.push(served.close);
    await writeFile(join(options.dataDir, 'coordinator.json'), `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 });
    closers.push(() => rm(join(options.dataDir, 'coordinator.json'), { force: true }));
    const { doors } = served;
    return {
      url,
      doors,
      dashboardUrl: `${url}/login#${doors.loginCode}`,
      joinUrl: inviteUrl(url, 'native', doors.joinCode),
      donateUrl: inviteUrl(url, 'donate', doors.donateCode),
      withoutDashboard: served.withoutDashboard,
      async drain(withinMs) {
        await running.coordinator.drain(withinMs);
        await closeAll();
      },
    };
  } catch (thrown) {
    await closeAll();
    throw thrown;
  }
}

async function listen(http: HttpServer, options: CoordinatorOptions): Promise<number> {
  try {
    return await http.listen(options.host, options.port);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
    if (code === 'EADDRINUSE')
      throw new UdcsError('CONFLICT', `port ${options.port} is in use`, { hint: 'choose another with --port, or stop the program that has it' });
    if (code === 'EACCES') throw new UdcsError('CONFLICT', `port ${options.port} may not be used by this user`, { hint: 'choose one above 1023 with --port' });
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new UdcsError('CONFLICT', `${options.host} is not an address of this machine`);
    throw thrown;
  }
}
