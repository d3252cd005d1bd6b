// `udcs explain ID`: why a job is not running, worker by worker, and what would make it run.
import type { Command } from 'commander';
import type { CommonOptions } from '../context.ts';
import { sayExplain } from '../explain-text.ts';
import { jobIdOf, taskIdOf } from '../ids.ts';
import { action, addVerb } from '../verb.ts';

interface ExplainFlags extends CommonOptions {
  readonly task?: string;
}

export function addExplain(program: Command): void {
  addVerb(program, {
    usage: 'explain <id>',
    summary: 'Say why a job is not running and what would make it run.',
    examples: ['udcs explain job_01jc…', 'udcs explain job_01jc… --task 3'],
  })
    .option('--task <index>', 'only this task')
    .action(
      action<ExplainFlags>(async (context, flags, [text = '']) => {
        const id = jobIdOf(text);
        const task = flags.task === undefined ? {} : { task: taskIdOf(id, flags.task) };
        sayExplain(context.out, await context.grid().call('jobs.explain', { id, ...task }, { signal: context.signal }));
        return 0;
      }),
    );
}
