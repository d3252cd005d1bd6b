'use client';
import type { Overview } from '@udcs/protocol';
import Link from 'next/link';
import { age, count } from '../data/format.ts';
import { useLive } from '../data/use-live.ts';
import { useQuery } from '../data/use-query.ts';
import { foldJobs, freshest, noJobs } from '../features/jobs/fold.ts';
import { JobTable } from '../features/jobs/job-table.tsx';
import { Figures } from '../features/overview/figures.tsx';
import { Throughput } from '../features/overview/throughput.tsx';
import { foldWorkers, noWorkers } from '../features/workers/fold.ts';
import { WorkerGrid } from '../features/workers/worker-grid.tsx';
import { Empty, Failure, Loading, Panel } from '../ui/panel.tsx';
import { Shell } from '../ui/shell.tsx';
import { useNow } from '../ui/use-now.ts';

const RECENT = 8;

export default function OverviewPage() {
  const nowMs = useNow();
  const overview = useLive<'overview.changes', Overview | null>('overview.changes', '{}', null, (_before, now) => now);
  const workers = useLive('workers.changes', '{}', noWorkers, foldWorkers);
  const changes = useLive('jobs.changes', '{}', noJobs, foldJobs);
  const listed = useQuery('recent', (grid, signal) => grid.call('jobs.list', { limit: RECENT }, { signal }));
  const jobs = freshest(listed.value?.items ?? [], changes.value).slice(0, RECENT);
  const connected = [...workers.value.values()];

  return (
    <Shell title="Overview" connection={overview.connection}>
      <div className="space-y-5">
        {overview.error !== null && overview.connection === 'failed' && <Failure message={overview.error.message} hint={overview.error.hint} />}
        {overview.value === null ? <Loading what="the figures" /> : <Figures overview={overview.value} />}
        <div className="grid gap-5 lg:grid-cols-2">
          <Panel title="Throughput" aside={overview.value === null ? undefined : `as of ${age(overview.value.atMs, nowMs)}`}>
            {overview.value === null ? <Loading what="throughput" /> : <Throughput {...overview.value.throughput} />}
          </Panel>
          <Panel title="Workers" aside={<Link href="/workers">All workers</Link>}>
            {connected.length === 0 ? (
              <Empty>
                No worker is connected. Lend this browser on the donate page of an invite (<code className="font-mono text-sm">udcs invite --donate</code>) or
                start a native worker with <code className="font-mono text-sm">udcs worker</code>.
              </Empty>
            ) : (
              <WorkerGrid workers={connected} />
            )}
          </Panel>
        </div>
        <Panel title="Recent jobs" aside={<Link href="/jobs">All jobs{changes.value.size > 0 ? ` (${count(jobs.length)} shown)` : ''}</Link>}>
          {jobs.length > 0 ? (
            <JobTable jobs={jobs} nowMs={nowMs} />
          ) : listed.error !== null ? (
            <Failure message={listed.error.message} hint={listed.error.hint} again={listed.again} />
          ) : listed.loading ? (
            <Loading what="jobs" />
          ) : (
            <Empty>
              No job has been submitted yet. Try <code className="font-mono text-sm">udcs run job.yaml</code>, or{' '}
              <code className="font-mono text-sm">npm run demo</code> in a clone.
            </Empty>
          )}
        </Panel>
      </div>
    </Shell>
  );
}
