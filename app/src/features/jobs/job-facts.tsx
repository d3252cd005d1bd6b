// A job in one look: state, tasks by state, and the few facts one asks for first.
import type { JobView } from '@udcs/protocol';
import { age, clock, count, duration } from '../../data/format.ts';
import { StateWord } from '../../ui/state-word.tsx';
import { ProgressBar } from './progress-bar.tsx';

function timeFact(job: JobView, nowMs: number): [string, string] {
  if (job.startedAtMs === null) return ['Waits for', duration((job.endedAtMs ?? nowMs) - job.submittedAtMs)];
  return [job.endedAtMs === null ? 'Runs for' : 'Took', duration(Math.max(0, (job.endedAtMs ?? nowMs) - job.startedAtMs))];
}

export function JobFacts({ job, nowMs }: { job: JobView; nowMs: number }) {
  const facts: [string, string][] = [
    ['Submitted', `${age(job.submittedAtMs, nowMs)}, ${clock(job.submittedAtMs)}`],
    ['By', job.owner],
    timeFact(job, nowMs),
    ['Type', job.types.join(' or ')],
    ['Priority', `${job.priority} of 100`],
    ...(job.repeatedAttempts > 0 ? [['Attempts made again', count(job.repeatedAttempts)] satisfies [string, string]] : []),
    ...Object.entries(job.labels),
  ];
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center gap-x-6 gap-y-1">
        <StateWord state={job.state} />
        <span className="font-mono text-sm break-all text-soft">{job.id}</span>
      </div>
      <ProgressBar counts={job.counts} />
      <dl className="flex flex-wrap gap-x-8 gap-y-2">
        {facts.map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-sm text-soft">{name}</dt>
            <dd className="break-words">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
