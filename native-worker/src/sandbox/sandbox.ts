// What this machine can really do to contain a process, found by doing it once: bubblewrap or a plain child, control groups
// or weak limits. Builds the command line for both; starts nothing but the probe.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bubblewrapArguments, findProgram, type Inside, type Mounts } from './bubblewrap.ts';
import { type ControlGroup, ControlGroups } from './cgroup.ts';
import { seccompFilter } from './seccomp.ts';

export interface Sandbox {
  /** `sandbox` = bubblewrap works here; `process` = a child with resource limits only. */
  readonly level: 'sandbox' | 'process';
  /** Why the level is not higher, for the table; null when it is `sandbox`. */
  readonly why: string | null;
  readonly limits: 'enforced' | 'weak';
  readonly groups: ControlGroups | null;
  readonly bubblewrap: string | null;
  /** File with the system call filter; null where there is none for this processor. */
  readonly filterFile: string | null;
  /** Ends a plain child when the worker dies; null where there is no such tool. */
  readonly setpriv: string | null;
}

export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly mounts: Mounts;
  readonly inside: Inside;
  readonly group: ControlGroup | null;
  readonly umask: number;
  /** Largest file it may write; null = no bound. */
  readonly fileBytes: number | null;
  /** CPU seconds over all its threads; null = no bound. */
  readonly cpuSeconds: number | null;
  /** Beyond stdin, stdout, stderr. */
  readonly extraPipes: number;
  /** Outside a sandbox the working folder's real path. */
  readonly outsideDir: string;
}

const PROBE_MS = 10_000;

/** @param stateDir where the filter is kept as a file: bubblewrap reads it from a descriptor */
export function probeSandbox(stateDir: string): Sandbox {
  const groups = ControlGroups.probe();
  const limits = groups === null ? 'weak' : 'enforced';
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : null;
  const bubblewrap = process.platform === 'linux' ? findProgram('bwrap') : null;
  const none = { limits, groups, bubblewrap: null, filterFile: null, setpriv } as const;
  if (bubblewrap === null) {
    const why = process.platform === 'linux' ? 'bubblewrap (bwrap) is not installed' : `no sandbox for ${process.platform} yet`;
    return { level: 'process', why, ...none };
  }
  const filterFile = writeFilter(stateDir);
  const why = tryBubblewrap(bubblewrap, filterFile);
  if (why === null) return { level: 'sandbox', why: null, limits, groups, bubblewrap, filterFile, setpriv };
  // A kernel without seccomp: the namespaces still stand.
  if (filterFile !== null && tryBubblewrap(bubblewrap, null) === null)
    return { level: 'sandbox', why: null, limits, groups, bubblewrap, filterFile: null, setpriv };
  return { level: 'process', why: `bwrap does not work here: ${why}`, ...none };
}

function writeFilter(stateDir: string): string | null {
  const filter = seccompFilter(process.arch);
  if (filter === null) return null;
  const file = join(stateDir, 'seccomp.bpf');
  writeFileSync(file, filter, { mode: 0o600 });
  return file;
}

/** Null = it ran a program inside; else what it said. */
function tryBubblewrap(bubblewrap: string, filterFile: string | null): string | null {
  const filter = filterFile === null ? null : openSync(filterFile, 'r');
  const args = [
    ...(filter === null ? [] : ['--seccomp', '3']),
    ...bubblewrapArguments({ readOnly: [], readWrite: [], devices: [], tmpBytes: 1024 * 1024 }, { workingDir: '/tmp', env: { PATH: '/usr/bin:/bin' } }),
  ];
  const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'pipe', 'pipe', ...(filter === null ? [] : [filter])];
  const probe = spawnSync(bubblewrap, [...args, '/bin/sh', '-c', 'echo inside > /tmp/probe && cat /tmp/probe'], { timeout: PROBE_MS, encoding: 'utf8', stdio });
  if (filter !== null) closeSync(filter);
  if (probe.status === 0 && probe.stdout.trim() === 'inside') return null;
  return (probe.stderr ?? '').trim().split('\n')[0] || (probe.error?.message ?? `exit code ${probe.status}`);
}

/**
 * Joins the groups, sets the limits, then becomes the program: it is bounded from its first instruction on. The script is
 * fixed; every value arrives as an argument.
 */
const PRELUDE = `
n=$1; shift
while [ "$n" -gt 0 ]; do echo $$ > "$1" || exit 125; shift; n=$((n - 1)); done
umask "$1"; ulimit -c 0
[ "$2" = - ] || ulimit -f "$2" || exit 125
[ "$3" = - ] || ulimit -t "$3" || exit 125
shift 3
exec "$@"
`;

const ULIMIT_FILE_BLOCK_BYTES = 512;
/** stdin, stdout, stderr. */
const STDIO = 3;

export function launch(sandbox: Sandbox, what: Launch): ChildProcess {
  const filter = sandbox.filterFile === null ? null : openSync(sandbox.filterFile, 'r');
  const filterWords = filter === null ? [] : ['--seccomp', String(STDIO + what.extraPipes)];
  const contained =
    sandbox.bubblewrap !== null
      ? [sandbox.bubblewrap, ...filterWords, ...bubblewrapArguments(what.mounts, what.inside), what.program, ...what.args]
      : [...(sandbox.setpriv === null ? [] : [sandbox.setpriv, '--pdeathsig', 'KILL', '--no-new-privs', '--']), what.program, ...what.args];
  const files = what.group?.procsFiles ?? [];
  const limitWords = [
    what.umask.toString(8).padStart(3, '0'),
    what.fileBytes === null ? '-' : String(Math.ceil(what.fileBytes / ULIMIT_FILE_BLOCK_BYTES)),
    what.cpuSeconds === null ? '-' : String(what.cpuSeconds),
  ];
  const child = spawn('/bin/sh', ['-c', PRELUDE, 'udcs', String(files.length), ...files, ...limitWords, ...contained], {
    // A variable such as LD_PRELOAD of a task must not reach bubblewrap itself: inside, it is set by --setenv.
    env: sandbox.bubblewrap !== null ? { PATH: '/usr/bin:/bin' } : { ...what.inside.env },
    cwd: sandbox.bubblewrap !== null ? '/' : what.outsideDir,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', ...Array.from({ length: what.extraPipes }, () => 'pipe' as const), ...(filter === null ? [] : [filter])],
  });
  if (filter !== null) closeSync(filter);
  return child;
}

/** SIGKILL for the process group and for the control group; nothing survives it. */
export function killLaunched(child: ChildProcess, group: ControlGroup | null): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  }
  group?.kill();
}
