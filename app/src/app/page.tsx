'use client';
import type { Overview } from '@udcs/protocol';
import Link from 'next/link';
import { age } from '../data/format.ts';
import { useLive } from '../data/use-live.ts';
import { useQuery } from '../data/use-query.ts';
import { freshest, jobChanges } from '../features/jobs/fold.ts';
import { JobTable } from '../features/jobs/job-table.tsx';
import { Figures } from '../features/overview/figures.tsx';
import { Throughput } from '../features/overview/throughput.tsx';
import { workerChanges } from '../features/workers/fold.ts';
import { WorkerGrid } from '../features/workers/worker-grid.tsx';
import { Code } from '../ui/code.tsx';
import { Empty, Failure, Loading, Panel } from '../ui/panel.tsx';
import { Shell } from '../ui/shell.tsx';
import { useNow } from '../ui/use-now.ts';

const RECENT = 8;
const figures = { initial: null as Overview | null, fold: (_before: Overview | null, now: Overview) => now };

export default function OverviewPage() {
  const nowMs = useNow();
  const overview = useLive('overview.changes', '{}', figures);
  const workers = useLive('workers.changes', '{}', workerChanges);
  const changes = useLive('jobs.changes', '{}', jobChanges);
  const listed = useQuery('recent', (grid, signal) => grid.call('jobs.list', { limit: RECENT }, { signal }));
  const jobs = freshest(listed.value?.items ?? [], changes.value).slice(0, RECENT);
  const connected = [...workers.value.values()];

  return (
    <Shell title="Overview" connection={overview.connection}>
      <div className="space-y-5">
        {overview.error !== null && overview.connection === 'failed' && <Failure message={overview.error.message} hint={overview.error.hint} />}
        {overview.value === null ? <Loading what="the figures" /> : <Figures overview={overview.value} />}
        <div className="grid gap-5 lg:grid-cols-2">
          <Panel title="Throughput" aside={overview.value === null ? undefined : age(overview.value.atMs, nowMs)}>
            {overview.value === null ? <Loading what="throughput" /> : <Throughput {...overview.value.throughput} />}
          </Panel>
          <Panel
            title="Workers"
            aside={
              <Link prefetch={false} href="/workers">
                All workers
              </Link>
            }
          >
            {workers.connection === 'loading' ? (
              <Loading what="workers" />
            ) : connected.length === 0 ? (
              <Empty>
                No worker is connected, so jobs wait.{' '}
                <Link prefetch={false} href="/workers">
                  Invite a donor or add a native worker
                </Link>
                .
              </Empty>
            ) : (
              <WorkerGrid workers={connected} />
            )}
          </Panel>
        </div>
        <Panel
          title="Recent jobs"
          aside={
            <Link prefetch={false} href="/jobs">
              All jobs
            </Link>
          }
        >
          {jobs.length > 0 ? (
            <JobTable jobs={jobs} nowMs={nowMs} />
          ) : listed.error !== null ? (
            <Failure message={listed.error.message} hint={listed.error.hint} again={listed.again} />
          ) : listed.loading ? (
            <Loading what="jobs" />
          ) : (
            <Empty>
              No job has been submitted yet. Try <Code>udcs run job.yaml</Code>, or <Code>npm run demo</Code> in a clone.
            </Empty>
          )}
        </Panel>
      </div>
    </Shell>
  );
}
