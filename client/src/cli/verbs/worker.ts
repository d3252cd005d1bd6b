// `udcs worker [JOIN-URL]`: makes this machine a worker, with the worker's own flags. Without a URL it joins the coordinator
// of this machine, or goes on where it joined last.
import type { Command } from 'commander';
import { locate } from '../../sdk/index.ts';
import { collect } from '../arguments.ts';
import { become } from '../children.ts';
import type { CommonOptions, Context } from '../context.ts';
import { action, addVerb } from '../verb.ts';

interface WorkerFlags extends CommonOptions {
  readonly name?: string;
  readonly slots?: string;
  readonly maxCpus?: string;
  readonly maxMemory?: string;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly allowMock?: boolean;
  readonly stateDir?: string;
  readonly saved?: boolean;
}

const INVITE_MS = 5 * 60_000;

export function addWorker(program: Command): void {
  addVerb(program, {
    usage: 'worker [join-url]',
    summary: 'Make this machine a worker; Ctrl-C finishes what runs and leaves.',
    examples: ['udcs worker https://grid.example.org/join#CODE', 'udcs worker --slots 2 --deny NATIVE_EXEC'],
  })
    .option('--name <name>', 'how this machine is shown')
    .option('--slots <n>', 'tasks at a time')
    .option('--max-cpus <n>', 'cores that tasks may have together')
    .option('--max-memory <bytes>', 'memory that tasks may have together')
    .option('--allow <TYPE>', 'also take TYPE from the owner; TYPE:untrusted = from anyone', collect, [])
    .option('--deny <TYPE>', 'never take TYPE', collect, [])
    .option('--allow-mock', 'take MOCK tasks (tests only)')
    .option('--state-dir <dir>', 'where its key and cache are kept')
    .option('--saved', 'join where it joined last')
    .action(
      action<WorkerFlags>(async (context, flags, [joinUrl]) => {
        const url = joinUrl ?? (flags.saved === true ? null : await localInvite(context));
        context.onInterrupt(() => undefined);
        return become('native-worker', [...(url === null ? [] : [url]), ...workerArgs(flags)]);
      }),
    );
}

/** An invite of the coordinator that --url, UDCS_URL or this machine names. */
async function localInvite(context: Context): Promise<string> {
  const { url } = locate(context.options);
  context.out.note(`asking ${url} for an invite`);
  return (await context.grid().call('invites.create', { kind: 'native', uses: 1, expiresInMs: INVITE_MS }, { signal: context.signal })).url;
}

function workerArgs(flags: WorkerFlags): string[] {
  const given = (name: string, value: string | undefined) => (value === undefined ? [] : [name, value]);
  return [
    ...given('--name', flags.name),
    ...given('--slots', flags.slots),
    ...given('--max-cpus', flags.maxCpus),
    ...given('--max-memory', flags.maxMemory),
    ...flags.allow.flatMap((type) => ['--allow', type]),
    ...flags.deny.flatMap((type) => ['--deny', type]),
    ...(flags.allowMock === true ? ['--allow-mock'] : []),
    ...given('--state-dir', flags.stateDir),
    ...(flags.json === true ? ['--json'] : []),
  ];
}
