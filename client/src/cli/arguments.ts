// Arguments of the form name=value, as the short verbs take them.
import { stat } from 'node:fs/promises';
import { UdcsError } from '@udcs/protocol';
import { cannotRead } from './job-file.ts';

/** For options that may be given several times. */
export const collect = (value: string, list: readonly string[]): string[] => [...list, value];

/** @throws UdcsError INVALID_INPUT */
export function pairs(list: readonly string[], option: string, shape: string): [name: string, value: string][] {
  return list.map((text) => {
    const at = text.indexOf('=');
    if (at < 1 || at === text.length - 1) throw new UdcsError('INVALID_INPUT', `${option} "${text}" has not the form ${shape}`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
}

/** `--in path=file` → what to upload, by path. */
export const filesByName = (list: readonly string[], option: string): Record<string, { path: string }> =>
  Object.fromEntries(pairs(list, option, 'name=file').map(([name, path]) => [name, { path }]));

/** `--env NAME=value`; the value may be empty. */
export function environment(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new UdcsError('INVALID_INPUT', `--env "${text}" has not the form NAME=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** `--out path=file` → outputs of the job by a name of ours, and the files they go to. */
export function savedPaths(list: readonly string[]): { outputs: Record<string, string>; files: Map<string, string> } {
  const named = pairs(list, '--out', 'path=file').map(([path, file], at) => ({ name: `out-${at}`, path, file }));
  return { outputs: Object.fromEntries(named.map(({ name, path }) => [name, path])), files: new Map(named.map(({ name, file }) => [name, file])) };
}

/** @throws UdcsError INVALID_INPUT unless it is a file that can be found */
export async function requireFile(file: string): Promise<void> {
  const found = await stat(file).catch((cause) => {
    throw cannotRead(file, cause);
  });
  if (!found.isFile()) throw new UdcsError('INVALID_INPUT', `${file} is not a file`);
}
