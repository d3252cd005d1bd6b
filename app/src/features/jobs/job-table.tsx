import type { JobView } from '@udcs/protocol';
import Link from 'next/link';
import { age, duration, shortId } from '../../data/format.ts';
import { StateWord } from '../../ui/state-word.tsx';
import { Cell, Table } from '../../ui/table.tsx';
import { ProgressBar } from './progress-bar.tsx';

export function JobTable({ jobs, nowMs }: { jobs: readonly JobView[]; nowMs: number }) {
  return (
    <Table label="Jobs" columns={['Job', 'State', 'Tasks', 'Type', 'Submitted', 'Took']}>
      {jobs.map((job) => (
        <tr key={job.id}>
          <Cell className="max-w-72">
            <Link href={`/jobs/${job.id}`} prefetch={false} className="block truncate font-medium">
              {job.name === '' ? 'Unnamed job' : job.name}
            </Link>
            <span className="font-mono text-xs text-soft">{shortId(job.id)}</span>
          </Cell>
          <Cell label="State">
            <StateWord state={job.state} />
          </Cell>
          <Cell label="Tasks">
            <ProgressBar counts={job.counts} />
          </Cell>
          <Cell label="Type" className="text-soft">
            {job.types.join(', ')}
          </Cell>
          <Cell label="Submitted" className="whitespace-nowrap text-soft">
            {age(job.submittedAtMs, nowMs)}
          </Cell>
          <Cell label="Took" className="whitespace-nowrap text-soft">
            {job.startedAtMs === null ? 'not started' : duration((job.endedAtMs ?? nowMs) - job.startedAtMs)}
          </Cell>
        </tr>
      ))}
    </Table>
  );
}
