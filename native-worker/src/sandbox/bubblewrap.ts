// Arguments for bubblewrap: no network, no home, read-only system folders, no capabilities, own pid space that dies with the
// worker. No text of a submitter ever becomes a flag: values follow a fixed option, and the program's words stand after `--`.
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Mounts {
  readonly readOnly: readonly string[];
  /** [outside, inside] */
  readonly readOnlyAt?: readonly (readonly [string, string])[];
  readonly readWrite: readonly string[];
  readonly readWriteAt?: readonly (readonly [string, string])[];
  /** Device nodes or folders of them, when present. */
  readonly devices: readonly string[];
  readonly tmpBytes: number;
}

export interface Inside {
  readonly workingDir: string;
  readonly env: Readonly<Record<string, string>>;
}

const SYSTEM_FOLDERS = ['/lib', '/lib32', '/lib64', '/libx32', '/bin', '/sbin'];
/** What the dynamic linker and the alternatives of Debian need; nothing here is secret. */
const SYSTEM_FILES = ['/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d', '/etc/alternatives', '/etc/fonts'];

/** Absolute path of a program on the PATH, or null. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '/usr/bin:/bin').split(delimiter)) {
    const candidate = join(folder, name);
    if (folder !== '' && existsSync(candidate)) return candidate;
  }
  return null;
}

/** Everything up to and including `--`; the program and its arguments follow. */
export function bubblewrapArguments(mounts: Mounts, inside: Inside): string[] {
  return [
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    '--uid',
    '65534',
    '--gid',
    '65534',
    '--hostname',
    'udcs',
    '--cap-drop',
    'ALL',
    ...systemMounts(),
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    ...mounts.devices.flatMap((path) => ['--dev-bind-try', path, path]),
    '--size',
    String(mounts.tmpBytes),
    '--tmpfs',
    '/tmp',
    ...mounts.readOnly.flatMap((path) => ['--ro-bind', path, path]),
    ...(mounts.readOnlyAt ?? []).flatMap(([from, to]) => ['--ro-bind', from, to]),
    ...mounts.readWrite.flatMap((path) => ['--bind', path, path]),
    ...(mounts.readWriteAt ?? []).flatMap(([from, to]) => ['--bind', from, to]),
    '--chdir',
    inside.workingDir,
    '--clearenv',
    ...Object.entries(inside.env).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
  ];
}

function systemMounts(): string[] {
  const parts = ['--ro-bind', '/usr', '/usr'];
  for (const folder of SYSTEM_FOLDERS) {
    if (!existsSync(folder)) continue;
    if (lstatSync(folder).isSymbolicLink()) parts.push('--symlink', readlinkSync(folder), folder);
    else parts.push('--ro-bind', folder, folder);
  }
  for (const file of SYSTEM_FILES) parts.push('--ro-bind-try', file, file);
  return parts;
}
