// `udcs mock` (hidden): jobs that only pretend to work, to try a grid out; workers and coordinators take them only when
// they were started with --allow-mock.
import type { Command } from 'commander';
import { follow } from '../follow.ts';
import { addJobOptions, followOptions, type JobFlags, jobFields, logPrinter } from '../job-options.ts';
import { action, addVerb } from '../verb.ts';
import { parseCount, parseDurationMs } from '../words.ts';

interface MockFlags extends JobFlags {
  readonly count: string;
  readonly run: string;
  readonly failWith?: string;
  readonly failTimes?: string;
  readonly logLines: string;
}

export function addMock(program: Command): void {
  const command = addVerb(program, {
    usage: 'mock',
    hidden: true,
    summary: 'Submit tasks that only pretend to work.',
    examples: ['udcs mock --count 100 --run 50ms', 'udcs mock --fail-with EXIT_CODE'],
  });
  addJobOptions(command)
    .option('--count <n>', 'tasks', '1')
    .option('--run <time>', 'how long each runs', '0ms')
    .option('--fail-with <CODE>', 'error they end with')
    .option('--fail-times <n>', 'only the first n attempts fail')
    .option('--log-lines <n>', 'lines each writes', '0')
    .action(
      action<MockFlags>(async (context, flags) => {
        const grid = context.grid();
        const count = parseCount(flags.count, '--count');
        const spec = {
          runMs: parseDurationMs(flags.run),
          logLines: parseCount(flags.logLines, '--log-lines', 0),
          ...(flags.failWith === undefined ? {} : { failWith: flags.failWith }),
          ...(flags.failTimes === undefined ? {} : { failTimes: parseCount(flags.failTimes, '--fail-times') }),
        };
        const handle = grid.submit({ ...jobFields(flags, 'mock'), type: 'MOCK', spec, ...(count > 1 ? { array: { count } } : {}) });
        return follow(context, grid, handle, followOptions(flags, { log: logPrinter(context, count > 1) }));
      }),
    );
}
