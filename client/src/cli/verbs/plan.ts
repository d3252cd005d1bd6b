// `udcs plan FILE`: a dry run. Files that the job names are uploaded (they cost nothing twice); nothing is submitted.
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { jobSize } from '../../sdk/submit-queue.ts';
import { sayExplain } from '../explain-text.ts';
import { EXIT } from '../failure.ts';
import { readJobFile } from '../job-file.ts';
import { action, addVerb } from '../verb.ts';
import { countText } from '../words.ts';

export function addPlan(program: Command): void {
  addVerb(program, {
    usage: 'plan <file>',
    summary: 'Check a job file without submitting it: first and last task, matching workers.',
    examples: ['udcs plan job.yaml', 'udcs plan job.yaml --json | jq .matchingWorkers'],
  }).action(
    action(async (context, _flags, [file = '']) => {
      const grid = context.grid();
      const job = await readJobFile(context, grid, file);
      jobSize(job);
      const plan = await grid.call('jobs.plan', { job }, { signal: context.signal });
      context.out.event({ type: 'plan', ...plan });
      if (!context.out.json) {
        context.out.say(context.out.paint('bold', `first of ${countText(plan.total, 'task')}`));
        context.out.say(indented(plan.first));
        if (plan.total > 1) {
          context.out.say(context.out.paint('bold', 'last task'));
          context.out.say(indented(plan.last));
        }
        context.out.say(`${countText(plan.matchingWorkers, 'connected worker')} could run it`);
        if (plan.matchingWorkers === 0) sayExplain(context.out, plan.explain);
      }
      return plan.matchingWorkers === 0 ? EXIT.unmatched : EXIT.ok;
    }),
  );
}

const LONG_TEXT = 2_000;

function indented(task: unknown): string {
  const text = stringify(task, { lineWidth: 120 });
  const shown = text.length > LONG_TEXT ? `${text.slice(0, LONG_TEXT)}\n… (${text.length - LONG_TEXT} more characters)` : text;
  return shown.trimEnd().replace(/^/gm, '  ');
}
