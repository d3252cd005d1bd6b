// Flags of the coordinator, as `udcs coordinator` and `udcs up` take and hand them on.
import type { Command } from 'commander';
import type { CommonOptions } from './context.ts';
import { parseCount } from './words.ts';

export interface ServerFlags extends CommonOptions {
  readonly port?: string;
  readonly host?: string;
  readonly data?: string;
  readonly dashboard: boolean;
  readonly publicUrl?: string;
  readonly insecure?: boolean;
  readonly allowMock?: boolean;
}

export function addServerOptions(command: Command): Command {
  return command
    .option('--port <n>', 'port to listen on (default 8080)')
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--data <dir>', 'where everything is kept (default: UDCS_DATA or ~/.local/share/udcs)')
    .option('--public-url <url>', 'address under which others reach it')
    .option('--no-dashboard', 'without the web pages')
    .option('--insecure', 'listen on a network address without TLS')
    .option('--allow-mock', 'take MOCK jobs (tests only)');
}

export function serverArgs(flags: ServerFlags): string[] {
  return [
    ...(flags.port === undefined ? [] : ['--port', String(parseCount(flags.port, '--port', 0))]),
    ...(flags.host === undefined ? [] : ['--host', flags.host]),
    ...(flags.data === undefined ? [] : ['--data', flags.data]),
    ...(flags.publicUrl === undefined ? [] : ['--public-url', flags.publicUrl]),
    ...(flags.dashboard ? [] : ['--no-dashboard']),
    ...(flags.insecure === true ? ['--insecure'] : []),
    ...(flags.allowMock === true ? ['--allow-mock'] : []),
  ];
}
