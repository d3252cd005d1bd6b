// Makes a job of one task look like the program it runs: stdin goes in, stdout comes out as raw bytes, stderr is live, the
// exit code is the program's own.
import { fstatSync } from 'node:fs';
import { type BlobRef, type TaskView, UdcsError } from '@udcs/protocol';
import type { Grid, JobHandle, Uploadable } from '../sdk/index.ts';
import type { Context } from './context.ts';
import { EXIT } from './failure.ts';
import { follow, type LogPiece } from './follow.ts';
import { type FollowFlags, followOptions } from './job-options.ts';
import { saveBlob } from './save-outputs.ts';

/** What is piped or redirected into this process; nothing when stdin is a terminal or /dev/null. */
export function pipedStdin(wanted: boolean): { stdin?: Uploadable } {
  if (!wanted) return {};
  let kind: ReturnType<typeof fstatSync>;
  try {
    kind = fstatSync(0);
  } catch {
    return {};
  }
  if (kind.isFile() && process.platform !== 'win32') return { stdin: { path: '/dev/stdin' } };
  return kind.isFIFO() || kind.isSocket() || kind.isFile() ? { stdin: process.stdin } : {};
}

export interface ProgramOutputs {
  /** Output name → file here. */
  readonly files: ReadonlyMap<string, string>;
  /** An exported function: its value is printed. */
  readonly isFunction: boolean;
}

/** Live stdout kept for a program that ends with an error code, in characters. */
const STDOUT_KEPT = 4 * 1024 * 1024;

/** Follows the job and resolves with the exit code of the program. */
export async function runAsProgram(context: Context, grid: Grid, handle: JobHandle, flags: FollowFlags, outputs: ProgramOutputs): Promise<number> {
  const live = new LiveText();
  const settled: TaskView[] = [];
  const options = followOptions(flags, {
    summary: false,
    progress: false,
    log: {
      add: (piece) => {
        if (piece.stream === 'stderr' && !context.out.json) context.out.raw(live.add(piece));
        if (piece.stream === 'stdout') live.addStdout(piece);
      },
      settled: () => undefined,
      flush: () => undefined,
    },
    onTask: (task) => void settled.push(task),
  });
  const code = await follow(context, grid, handle, options);
  const [task] = settled;
  if (task === undefined) return code === EXIT.ok ? EXIT.failed : code;
  if (context.out.json) return task.exitCode ?? code;
  await writeRest(context, grid, task, live);
  if (task.error !== null) return failed(task, task.error);
  if (outputs.isFunction) context.out.say(String(task.value));
  for (const [name, file] of outputs.files) await saveBlob(grid, task.outputs[name] as BlobRef, file, context.signal);
  return task.exitCode ?? EXIT.ok;
}

function failed(task: TaskView, error: NonNullable<TaskView['error']>): number {
  if (error.code === 'EXIT_CODE' && task.exitCode !== null) return task.exitCode;
  throw new UdcsError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint });
}

/** stdout as raw bytes, and what of stderr did not come live. */
async function writeRest(context: Context, grid: Grid, task: TaskView, live: LiveText): Promise<void> {
  const { stdout, stderr } = task.outputs;
  if (stderr !== undefined) context.out.raw(live.rest(await grid.artifacts.read(stderr, { signal: context.signal })));
  else if (task.error !== null && live.isEmpty && task.log !== null) context.out.raw(await grid.artifacts.read(task.log, { signal: context.signal }));
  // A program that ended with an error code kept no outputs: what it printed live is all there is.
  if (stdout === undefined) return void process.stdout.write(live.stdout);
  const parts = stdout.inline === undefined ? grid.artifacts.stream(stdout.digest, { signal: context.signal }) : [await grid.artifacts.read(stdout)];
  for await (const part of parts) {
    if (!process.stdout.write(part)) await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()));
  }
}

/** Remembers what was shown live, so that the rest can be told from the whole. */
class LiveText {
  #shown = '';
  #stdout = '';

  get isEmpty(): boolean {
    return this.#shown === '' && this.#stdout === '';
  }

  get stdout(): string {
    return this.#stdout;
  }

  addStdout(piece: LogPiece): void {
    if (this.#stdout.length < STDOUT_KEPT) this.#stdout += piece.text;
  }

  add(piece: LogPiece): string {
    this.#shown += piece.text;
    return piece.text;
  }

  /** The part of `whole` that was not shown; all of it when live lines were lost in between. */
  rest(whole: Uint8Array): Uint8Array {
    const shown = new TextEncoder().encode(this.#shown);
    if (Buffer.from(whole.buffer, whole.byteOffset, Math.min(shown.length, whole.length)).equals(shown)) return whole.subarray(shown.length);
    return whole;
  }
}
