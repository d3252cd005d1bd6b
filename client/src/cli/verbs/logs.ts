// `udcs logs ID [-f]`: what the tasks of a job wrote; kept logs of ended tasks, and live lines with -f.
import type { TaskView } from '@udcs/protocol';
import type { Command } from 'commander';
import type { Grid } from '../../sdk/index.ts';
import type { CommonOptions, Context } from '../context.ts';
import { jobIdOf, taskIdOf } from '../ids.ts';
import { LineAssembler } from '../line-assembler.ts';
import { action, addVerb } from '../verb.ts';

interface LogsFlags extends CommonOptions {
  readonly follow?: boolean;
  readonly task?: string;
}

export function addLogs(program: Command): void {
  addVerb(program, {
    usage: 'logs <id>',
    summary: 'Print what the tasks of a job wrote (stdout and stderr).',
    examples: ['udcs logs job_01jc… -f', 'udcs logs job_01jc… --task 17'],
  })
    .option('-f, --follow', 'go on with live lines until the job has ended')
    .option('--task <index>', 'only this task')
    .action(
      action<LogsFlags>(async (context, flags, [text = '']) => {
        const id = jobIdOf(text);
        const only = flags.task === undefined ? null : taskIdOf(id, flags.task);
        const grid = context.grid();
        const job = await grid.call('jobs.get', { id }, { signal: context.signal });
        const printer = new LogPrinter(context, grid, job.counts.total > 1 && only === null);
        const handle = grid.job(id);
        if (flags.follow !== true || job.endedAtMs !== null) {
          for (const task of await handle.tasks(context.signal)) if (only === null || task.id === only) await printer.kept(task);
          return 0;
        }
        for await (const event of handle.events({ live: true, signal: context.signal })) {
          if (event.type === 'log') for (const line of event.lines) if (only === null || line.task === only) printer.live(line.task, line.stream, line.text);
          if (event.type === 'tasks') for (const task of event.tasks) if (only === null || task.id === only) await printer.settled(task);
        }
        printer.flush();
        return 0;
      }),
    );
}

class LogPrinter {
  readonly #context: Context;
  readonly #grid: Grid;
  readonly #prefixed: boolean;
  /** Tasks of which live lines were shown; their kept log is not shown again. */
  readonly #live = new Set<string>();
  readonly #lines = new LineAssembler((task, line) => this.#print(task, line));

  constructor(context: Context, grid: Grid, prefixed: boolean) {
    this.#context = context;
    this.#grid = grid;
    this.#prefixed = prefixed;
  }

  live(task: string, stream: string, text: string): void {
    this.#live.add(task);
    this.#lines.add(task, stream, text);
  }

  flush(): void {
    this.#lines.flush();
  }

  async settled(task: TaskView): Promise<void> {
    if (!this.#live.has(task.id)) await this.kept(task);
  }

  async kept(task: TaskView): Promise<void> {
    if (task.log === null) return;
    const text = new TextDecoder().decode(await this.#grid.artifacts.read(task.log, { signal: this.#context.signal }));
    for (const line of text.replace(/\n$/, '').split('\n')) this.#print(task.id, line);
  }

  #print(task: string, line: string): void {
    const { out } = this.#context;
    const index = task.slice(task.indexOf('.') + 1);
    out.event({ type: 'log', task, text: line });
    out.say(this.#prefixed ? `${out.paint('dim', `${index}|`)} ${line}` : line);
  }
}
