import type { JobView } from '@udcs/protocol';
import Link from 'next/link';
import { age, duration, shortId } from '../../data/format.ts';
import { Scroll } from '../../ui/scroll.tsx';
import { StateWord } from '../../ui/state-word.tsx';
import { ProgressBar } from './progress-bar.tsx';

export function JobTable({ jobs, nowMs }: { jobs: readonly JobView[]; nowMs: number }) {
  return (
    <Scroll label="Jobs">
      <table>
        <thead>
          <tr>
            <th>Job</th>
            <th>State</th>
            <th>Tasks</th>
            <th>Type</th>
            <th>Submitted</th>
            <th>Took</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={job.id}>
              <td className="max-w-72">
                <Link href={`/jobs/${job.id}`} className="block truncate font-medium">
                  {job.name === '' ? shortId(job.id) : job.name}
                </Link>
                <span className="font-mono text-xs text-soft">{shortId(job.id)}</span>
              </td>
              <td>
                <StateWord state={job.state} />
              </td>
              <td>
                <ProgressBar counts={job.counts} />
              </td>
              <td className="text-soft">{job.types.join(', ')}</td>
              <td className="whitespace-nowrap text-soft">{age(job.submittedAtMs, nowMs)}</td>
              <td className="whitespace-nowrap text-soft">{job.startedAtMs === null ? 'not started' : duration((job.endedAtMs ?? nowMs) - job.startedAtMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
