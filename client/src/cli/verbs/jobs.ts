// `udcs jobs`: the newest jobs, one a line.
import { type JobState, type JobView, jobStates } from '@udcs/protocol';
import { type Command, Option } from 'commander';
import type { CommonOptions } from '../context.ts';
import { action, addVerb } from '../verb.ts';
import { agoText, durationText, parseCount } from '../words.ts';

interface JobsFlags extends CommonOptions {
  readonly state?: JobState;
  readonly search?: string;
  readonly limit: string;
}

export function addJobs(program: Command): void {
  addVerb(program, { usage: 'jobs', summary: 'List jobs, newest first.', examples: ['udcs jobs --state running', 'udcs jobs --search render --limit 5'] })
    .addOption(new Option('--state <state>', 'only jobs in this state').choices([...jobStates]))
    .option('--search <text>', 'only jobs whose name or id contains this')
    .option('--limit <n>', 'at most this many', '20')
    .action(
      action<JobsFlags>(async (context, flags) => {
        const limit = parseCount(flags.limit, '--limit');
        const query = {
          limit: Math.min(limit, 500),
          ...(flags.state === undefined ? {} : { state: flags.state }),
          ...(flags.search === undefined ? {} : { search: flags.search }),
        };
        const jobs: JobView[] = [];
        for await (const job of context.grid().jobs(query, { signal: context.signal })) {
          jobs.push(job);
          context.out.event({ type: 'job', job });
          if (jobs.length === limit) break;
        }
        if (jobs.length === 0) context.out.note('no jobs yet: `udcs run job.yaml` submits one');
        else
          context.out.table(
            ['ID', 'NAME', 'TYPE', 'STATE', 'TASKS', 'SUBMITTED', 'TOOK'],
            jobs.map((job) => rowOf(job, context.out.state(job.state))),
          );
        return 0;
      }),
    );
}

function rowOf(job: JobView, state: string): string[] {
  const { total, succeeded, failed, canceled } = job.counts;
  const tookMs = job.startedAtMs === null ? null : (job.endedAtMs ?? Date.now()) - job.startedAtMs;
  const name = job.name.length > 32 ? `${job.name.slice(0, 31)}…` : job.name;
  return [
    job.id,
    name,
    job.types.join(' | '),
    state,
    `${succeeded + failed + canceled}/${total}${failed > 0 ? ` (${failed} failed)` : ''}`,
    agoText(job.submittedAtMs, Date.now()),
    tookMs === null ? '-' : durationText(tookMs),
  ];
}
