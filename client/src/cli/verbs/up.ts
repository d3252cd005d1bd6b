// `udcs up`: the whole grid on this machine with one command: coordinator, dashboard and a native worker. Ctrl-C ends all
// of it, the worker first so that it hands its tasks back.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { UdcsError } from '@udcs/protocol';
import type { Command } from 'commander';
import { defaultDataDir } from '../../sdk/index.ts';
import { Child } from '../children.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../failure.ts';
import { addServerOptions, type ServerFlags, serverArgs } from '../server-options.ts';
import { action, addVerb } from '../verb.ts';

interface UpFlags extends ServerFlags {
  readonly open?: boolean;
  readonly worker: boolean;
}

interface Listening {
  readonly url: string;
  readonly dashboardUrl: string;
  readonly joinUrl: string;
  readonly donateUrl: string;
}

export function addUp(program: Command): void {
  const command = addVerb(program, {
    usage: 'up',
    summary: 'Start a grid here: coordinator, dashboard and a native worker.',
    examples: ['udcs up --open', 'udcs up --no-dashboard --port 9000 --data ./grid'],
  });
  addServerOptions(command)
    .option('--no-worker', 'without a worker on this machine')
    .option('--open', 'open the dashboard in a browser')
    .action(action<UpFlags>((context, flags) => up(context, flags)));
}

async function up(context: Context, flags: UpFlags): Promise<number> {
  const children: Child[] = [];
  let asked = false;
  const stopAll = async () => {
    for (const child of [...children].reverse()) await child.stop();
  };
  context.onInterrupt(() => {
    if (asked) for (const child of children) child.signal('SIGKILL');
    else context.out.note('stopping; Ctrl-C again ends everything at once');
    asked = true;
    void stopAll();
  });
  process.on('SIGHUP', () => void stopAll());
  try {
    const coordinator = startCoordinator(flags);
    children.push(coordinator.child);
    const listening = await coordinator.listening;
    sayLinks(context, listening, flags);
    const dataDir = flags.data ?? defaultDataDir();
    if (flags.worker && dataDir !== null && !asked) children.push(startWorker(context, listening.joinUrl, join(dataDir, 'worker'), flags));
    if (flags.open === true && flags.dashboard) openInBrowser(listening.dashboardUrl);
    const codes = children.map((child, at) => child.exited.then((code) => ({ code, at })));
    const first = await Promise.race(codes);
    if (!asked && first.at === 1) {
      context.out.note(`the worker ended with code ${first.code}; the coordinator goes on`);
      await children[0]?.exited;
    }
    await stopAll();
    if (asked) return EXIT.ok;
    throw ended(children[0]);
  } finally {
    await stopAll();
  }
}

const ended = (coordinator: Child | undefined): UdcsError => new UdcsError('INTERNAL', 'the coordinator ended by itself', { hint: lastWords(coordinator) });

const lastWords = (child: Child | undefined): string =>
  child?.lastLines
    .slice(-3)
    .map((line) => line.trim())
    .join(' · ') || '`udcs coordinator` shows what it says';

function startCoordinator(flags: UpFlags): { child: Child; listening: Promise<Listening> } {
  let onListening: (listening: Listening) => void = () => undefined;
  const announced = new Promise<Listening>((resolve) => {
    onListening = resolve;
  });
  const child = new Child('server', [...serverArgs(flags), '--json'], {
    output: 'lines',
    onLine: (stream, line) => {
      const listening = stream === 'stdout' ? listeningIn(line) : null;
      if (listening !== null) onListening(listening);
    },
  });
  const gone = child.exited.then((code): never => {
    throw new UdcsError('INVALID_INPUT', `the coordinator did not start (exit code ${code})`, { hint: lastWords(child) });
  });
  return { child, listening: Promise.race([announced, gone]) };
}

function listeningIn(line: string): Listening | null {
  if (!line.startsWith('{')) return null;
  const event = JSON.parse(line) as { type?: string } & Listening;
  return event.type === 'listening' ? event : null;
}

function startWorker(context: Context, joinUrl: string, stateDir: string, flags: UpFlags): Child {
  const args = [joinUrl, '--state-dir', stateDir, ...(flags.allowMock === true ? ['--allow-mock'] : []), ...(flags.json === true ? ['--json'] : [])];
  return new Child('native-worker', args, {
    output: 'lines',
    onLine: (stream, line) => {
      if (stream === 'stdout' && flags.json === true) process.stdout.write(`${line}\n`);
      else context.out.note(`${context.out.paint('dim', 'worker')}  ${line}`);
    },
  });
}

function sayLinks({ out }: Context, listening: Listening, flags: UpFlags): void {
  out.event({ ...listening, type: 'listening' });
  out.facts([
    ['API', listening.url],
    ...(flags.dashboard ? ([['dashboard', `${listening.dashboardUrl} (this link works once)`]] as const) : []),
    ['donate a tab', listening.donateUrl],
    ['add a machine', `udcs worker ${listening.joinUrl}`],
  ]);
  out.say();
}

function openInBrowser(url: string): void {
  const [command, ...args] = { darwin: ['open', url], win32: ['cmd', '/c', 'start', '', url] }[process.platform as string] ?? ['xdg-open', url];
  if (command === undefined) return;
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => process.stderr.write(`could not open a browser; open ${url}\n`))
    .unref();
}
