// Options that the verbs which submit a job share, and what they mean for following it.
import type { Job } from '@udcs/protocol';
import type { Command } from 'commander';
import type { CommonOptions, Context } from './context.ts';
import type { FollowOptions, LogSink } from './follow.ts';
import { LineAssembler } from './line-assembler.ts';
import type { SavePlan } from './save-outputs.ts';
import { parseCount, parseDurationMs } from './words.ts';

export interface FollowFlags extends CommonOptions {
  readonly unmatchedAfter: string;
  readonly wait?: boolean;
  readonly cancelOnInterrupt?: boolean;
}

export interface JobFlags extends FollowFlags {
  readonly name?: string;
  readonly priority?: string;
  readonly memory?: string;
  readonly timeout?: string;
}

export function addFollowOptions(command: Command): Command {
  return command
    .option('--unmatched-after <time>', 'explain and exit with 5 when no worker can run it after', '5s')
    .option('--wait', 'wait for a worker that can, for ever')
    .option('--cancel-on-interrupt', 'Ctrl-C cancels the job instead of leaving it');
}

export function addJobOptions(command: Command): Command {
  return addFollowOptions(command)
    .option('--name <name>', 'name of the job')
    .option('--priority <0-100>', 'higher goes first')
    .option('--memory <MiB>', 'memory of one task')
    .option('--timeout <time>', 'longest run of one task');
}

/** The envelope fields that the flags set. */
export function jobFields(flags: JobFlags, name: string): Pick<Job, 'name' | 'priority' | 'resources' | 'timeouts'> {
  return {
    name: flags.name ?? name,
    ...(flags.priority === undefined ? {} : { priority: parseCount(flags.priority, '--priority', 0) }),
    ...(flags.memory === undefined ? {} : { resources: { memoryBytes: parseCount(flags.memory, '--memory') * 1024 * 1024 } }),
    ...(flags.timeout === undefined ? {} : { timeouts: { executionMs: parseDurationMs(flags.timeout) } }),
  };
}

export function followOptions(
  flags: FollowFlags,
  more: { save?: SavePlan | null; log?: LogSink | null; onTask?: FollowOptions['onTask']; summary?: boolean; progress?: boolean } = {},
): FollowOptions {
  return {
    save: more.save ?? null,
    unmatchedAfterMs: flags.wait === true ? null : parseDurationMs(flags.unmatchedAfter),
    cancelOnInterrupt: flags.cancelOnInterrupt === true,
    log: more.log ?? null,
    onTask: more.onTask ?? null,
    summary: more.summary ?? true,
    progress: more.progress ?? true,
  };
}

/** Live lines on stderr, with the task's index before them when there are several. Pieces are held until their line is whole. */
export function logPrinter(context: Context, isArray: boolean): LogSink {
  const { out } = context;
  const lines = new LineAssembler((task, line) => out.note(isArray ? `${out.paint('dim', `${task.slice(task.indexOf('.') + 1)}|`)} ${line}` : line));
  const heard = new Set<string>();
  const shown = new Set<string>();
  return {
    add(piece) {
      // A live piece may come after the end of its task, whose kept log holds it.
      if (shown.has(piece.task)) return;
      heard.add(piece.task);
      lines.add(piece.task, piece.stream, piece.text);
    },
    settled(task) {
      // Larger logs are left where they are: `udcs logs` fetches them.
      if (heard.delete(task.id) || task.log?.inline === undefined) return;
      shown.add(task.id);
      lines.add(task.id, 'kept', Buffer.from(task.log.inline, 'base64').toString('utf8'));
    },
    flush: () => lines.flush(),
  };
}
