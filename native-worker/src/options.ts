// The command line of the worker, and nothing else: text in, options out.
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UdcsError } from '@udcs/protocol';

export interface WorkerOptions {
  /** `http://host:port/join#CODE`; without it the saved join of the state folder is used. */
  readonly joinUrl?: string;
  readonly name?: string;
  /** Tasks at a time; default: one per core. */
  readonly slots?: number;
  readonly maxCpus?: number;
  readonly maxMemoryBytes?: number;
  /** `TYPE` or `TYPE:untrusted` */
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly allowMock?: boolean;
  readonly stateDir?: string;
}

export interface CommandLine extends WorkerOptions {
  readonly json: boolean;
  readonly help: boolean;
}

export const USAGE = `usage: udcs-worker [JOIN-URL] [options]

  JOIN-URL              http://host:port/join#CODE; not needed after the first time
  --name NAME           how this machine is shown (default: its host name)
  --slots N             tasks at a time (default: one per core)
  --max-cpus N          cores that tasks may have together
  --max-memory BYTES    memory that tasks may have together
  --allow TYPE          also take TYPE from this worker's owner; TYPE:untrusted = from anyone
  --deny TYPE           never take TYPE
  --allow-mock          take MOCK tasks (tests only)
  --state-dir DIR       key, join and cache (default: ~/.local/state/udcs-worker)
  --json                one JSON line per event on stdout
`;

export const defaultStateDir = (): string => join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'udcs-worker');
export const defaultName = (): string => hostname() || 'worker';

/** @throws UdcsError INVALID_INPUT */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const parsed = parse(words);
  const { values, positionals } = parsed;
  if (positionals.length > 1) throw new UdcsError('INVALID_INPUT', `one join URL is enough, "${positionals[1]}" is one too many`, { hint: 'see --help' });
  return {
    ...(positionals[0] === undefined ? {} : { joinUrl: positionals[0] }),
    ...(values.name === undefined ? {} : { name: values.name.slice(0, 200) }),
    ...(values.slots === undefined ? {} : { slots: whole('--slots', values.slots, 1, 4096) }),
    ...(values['max-cpus'] === undefined ? {} : { maxCpus: whole('--max-cpus', values['max-cpus'], 1, 4096) }),
    ...(values['max-memory'] === undefined ? {} : { maxMemoryBytes: whole('--max-memory', values['max-memory'], 1, Number.MAX_SAFE_INTEGER) }),
    ...(values['state-dir'] === undefined ? {} : { stateDir: values['state-dir'] }),
    allow: values.allow ?? [],
    deny: values.deny ?? [],
    allowMock: values['allow-mock'] ?? false,
    json: values.json ?? false,
    help: values.help ?? false,
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        slots: { type: 'string' },
        'max-cpus': { type: 'string' },
        'max-memory': { type: 'string' },
        allow: { type: 'string', multiple: true },
        deny: { type: 'string', multiple: true },
        'allow-mock': { type: 'boolean' },
        'state-dir': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new UdcsError('INVALID_INPUT', cause instanceof Error ? cause.message : String(cause), { hint: 'see --help', cause });
  }
}

function whole(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new UdcsError('INVALID_INPUT', `${flag} ${text}: a whole number from ${min} to ${max} is wanted`);
}
