// `udcs wait ID…`: follows jobs that were submitted before; the exit code tells whether all succeeded.
import type { Command } from 'commander';
import { exitCodeOfJob, follow } from '../follow.ts';
import { jobIdOf } from '../ids.ts';
import { addFollowOptions, type FollowFlags, followOptions } from '../job-options.ts';
import { action, addVerb } from '../verb.ts';

interface WaitFlags extends FollowFlags {
  readonly output?: string;
}

export function addWait(program: Command): void {
  const command = addVerb(program, {
    usage: 'wait <id...>',
    summary: 'Wait for jobs to end; the exit code tells how they did.',
    examples: ['udcs wait job_01jc… -o out/', 'udcs submit a.yaml b.yaml | xargs udcs wait'],
  });
  addFollowOptions(command)
    .option('-o, --output <dir>', 'save outputs here, arrays as <dir>/<index>/<name>')
    .action(
      action<WaitFlags>(async (context, flags, texts) => {
        const ids = texts.map(jobIdOf);
        const grid = context.grid();
        let worst = 0;
        for (const id of ids) {
          const job = await grid.call('jobs.get', { id }, { signal: context.signal });
          if (job.endedAtMs !== null && flags.output === undefined) {
            context.out.event({ type: 'job', job });
            context.out.note(`${job.id} ${context.out.state(job.state)}${job.error === null ? '' : `: ${job.error.message} (${job.error.code})`}`);
            worst = Math.max(worst, exitCodeOfJob(job));
            continue;
          }
          const folder = ids.length > 1 ? `${flags.output}/${id}` : flags.output;
          const save = folder === undefined ? null : { folder, isArray: job.counts.total > 1, fileOf: null };
          worst = Math.max(worst, await follow(context, grid, grid.job(id), followOptions(flags, { save })));
        }
        return worst;
      }),
    );
}
