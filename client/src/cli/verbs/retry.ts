// `udcs retry ID`: the failed and canceled tasks of an ended job again, as a new job.
import type { Command } from 'commander';
import { follow } from '../follow.ts';
import { jobIdOf } from '../ids.ts';
import { addFollowOptions, type FollowFlags, followOptions } from '../job-options.ts';
import { action, addVerb } from '../verb.ts';
import { countText } from '../words.ts';

interface RetryFlags extends FollowFlags {
  readonly follow?: boolean;
}

export function addRetry(program: Command): void {
  const command = addVerb(program, {
    usage: 'retry <id>',
    summary: 'Submit the failed or canceled tasks of an ended job again, as a new job.',
    examples: ['udcs retry job_01jc…', 'udcs retry job_01jc… --follow'],
  });
  addFollowOptions(command)
    .option('--follow', 'follow the new job to its end')
    .action(
      action<RetryFlags>(async (context, flags, [text = '']) => {
        const id = jobIdOf(text);
        const grid = context.grid();
        const again = await grid.call('jobs.retry', { id }, { signal: context.signal });
        context.out.say(again.id);
        context.out.note(`${countText(again.counts.total, 'task')} submitted again`);
        if (flags.follow === true) return follow(context, grid, grid.job(again.id), followOptions(flags));
        context.out.event({ type: 'submitted', job: again.id, total: again.counts.total });
        return 0;
      }),
    );
}
