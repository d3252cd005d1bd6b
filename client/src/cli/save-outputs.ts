// Writes the outputs of settled tasks into a folder: `<dir>/<output>` for a single task, `<dir>/<index>/<output>` for an
// array, or a name per task given by the caller. A file appears whole or not at all.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobRef, TaskView } from '@udcs/protocol';
import type { Grid } from '../sdk/index.ts';

export interface SavePlan {
  readonly folder: string;
  readonly isArray: boolean;
  /** File of a task's output inside `folder`; null = the default. */
  readonly fileOf: ((task: TaskView, output: string) => string) | null;
}

/** Saves all outputs of one task; returns the files written. */
export async function saveOutputs(grid: Grid, task: TaskView, plan: SavePlan, signal: AbortSignal): Promise<string[]> {
  const files: string[] = [];
  for (const [name, blob] of Object.entries(task.outputs)) {
    const inside = plan.fileOf?.(task, name) ?? (plan.isArray ? join(String(task.index), name) : name);
    const file = join(plan.folder, inside);
    await saveBlob(grid, blob, file, signal);
    files.push(file);
  }
  return files;
}

export async function saveBlob(grid: Grid, blob: BlobRef, file: string, signal: AbortSignal): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const part = `${file}.part-${process.pid}`;
  const handle = await open(part, 'w');
  try {
    if (blob.inline !== undefined) await handle.writeFile(await grid.artifacts.read(blob, { signal }));
    else for await (const bytes of grid.artifacts.stream(blob.digest, { signal })) await handle.write(bytes);
    await handle.close();
    await rename(part, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(part, { force: true });
    throw error;
  }
}
