// Which folders an executor child must see to load its own code, and where its entry is. Paths are the same inside the
// sandbox as outside, so that package links resolve.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** The room's folder, from src/executor and dist/executor alike. */
const room = dirname(dirname(here));

/** The compiled entry: a child is plain Node and can not run TypeScript. */
export const childEntry = join(room, 'dist', 'executor', 'child.js');
export const gpuProbeEntry = join(room, 'dist', 'detect', 'gpu-probe.js');

/** Packages of ours that the child imports; as workspace links they lie outside node_modules. */
const LINKED = ['@udcs/protocol', '@udcs/tasks', '@udcs/native'];

export function codeFolders(): string[] {
  const found = new Set<string>([realpathSync(process.execPath), join(room, 'dist'), join(room, 'package.json')]);
  for (let folder = room; ; folder = dirname(folder)) {
    const modules = join(folder, 'node_modules');
    if (existsSync(modules)) {
      found.add(modules);
      for (const name of LINKED) if (existsSync(join(modules, name))) found.add(realpathSync(join(modules, name)));
    }
    if (folder === dirname(folder)) break;
  }
  const all = [...found];
  return all.filter((path) => path !== '/usr/bin/node' && !all.some((other) => other !== path && path.startsWith(`${other}/`)));
}
