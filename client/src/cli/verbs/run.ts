// `udcs run FILE`: submits a job file, follows it to its end and saves its outputs. The exit code tells the outcome.
import type { Command } from 'commander';
import { follow } from '../follow.ts';
import { readJobFile } from '../job-file.ts';
import { addFollowOptions, type FollowFlags, followOptions, logPrinter } from '../job-options.ts';
import { action, addVerb } from '../verb.ts';

interface RunFlags extends FollowFlags {
  readonly output?: string;
  readonly logs: boolean;
}

export function addRun(program: Command): void {
  const command = addVerb(program, {
    usage: 'run <file>',
    summary: 'Submit a job file (YAML or JSON, - = stdin), follow it, save its outputs.',
    examples: ['udcs run job.yaml -o out/', 'udcs run job.yaml --json | jq .type'],
  });
  addFollowOptions(command)
    .option('-o, --output <dir>', 'save outputs here, arrays as <dir>/<index>/<name>')
    .option('--no-logs', 'do not show what the tasks write')
    .action(
      action<RunFlags>(async (context, flags, [file = '']) => {
        const grid = context.grid();
        const job = await readJobFile(context, grid, file);
        const isArray = job.array !== undefined;
        const save = flags.output === undefined ? null : { folder: flags.output, isArray, fileOf: null };
        return follow(context, grid, grid.submit(job), followOptions(flags, { save, log: flags.logs ? logPrinter(context, isArray) : null }));
      }),
    );
}
