// `udcs submit FILE`: hands jobs over and returns; `udcs wait` or `udcs logs -f` follow them later.
import type { Command } from 'commander';
import { readJobFile } from '../job-file.ts';
import { action, addVerb } from '../verb.ts';
import { countText } from '../words.ts';

export function addSubmit(program: Command): void {
  addVerb(program, {
    usage: 'submit <file...>',
    summary: 'Submit job files and return at once; prints the ids.',
    examples: ['udcs submit job.yaml', 'udcs wait $(udcs submit job.yaml)'],
  }).action(
    action(async (context, _flags, files) => {
      const grid = context.grid();
      const jobs = [];
      for (const file of files) jobs.push(await readJobFile(context, grid, file));
      for (const handle of grid.submitMany(jobs)) {
        const id = await handle.id;
        context.out.event({ type: 'submitted', job: id });
        context.out.say(id);
      }
      context.out.note(`${countText(jobs.length, 'job')} submitted`);
      return 0;
    }),
  );
}
