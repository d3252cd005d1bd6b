'use client';
import { type JobState, jobStates } from '@udcs/protocol';
import { useRouter, useSearchParams } from 'next/navigation';
import { Suspense, useState } from 'react';
import { useLive } from '../../data/use-live.ts';
import { useQuery } from '../../data/use-query.ts';
import { foldJobs, freshest, noJobs } from '../../features/jobs/fold.ts';
import { JobTable } from '../../features/jobs/job-table.tsx';
import { Button, Empty, Failure, Loading, Panel } from '../../ui/panel.tsx';
import { Shell } from '../../ui/shell.tsx';
import { useNow } from '../../ui/use-now.ts';

const PAGE = 50;
const isState = (value: string | null): value is JobState => jobStates.some((state) => state === value);

export default function JobsPage() {
  return (
    <Suspense>
      <Jobs />
    </Suspense>
  );
}

function Jobs() {
  const nowMs = useNow();
  const router = useRouter();
  const params = useSearchParams();
  const wanted = params.get('state');
  const state = isState(wanted) ? wanted : null;
  const search = params.get('search') ?? '';
  const cursor = params.get('cursor');
  const [typed, setTyped] = useState(search);
  const show = (next: { state?: JobState | null; search?: string; cursor?: string | null }): void => {
    const chosen = { state, search, cursor: null, ...next };
    const query = new URLSearchParams(Object.entries(chosen).flatMap(([name, value]) => (value ? [[name, value]] : [])));
    router.push(`/jobs?${query}`);
  };

  const changes = useLive('jobs.changes', '{}', noJobs, foldJobs);
  const listed = useQuery(`jobs ${state} ${search} ${cursor}`, (grid, signal) =>
    grid.call(
      'jobs.list',
      { limit: PAGE, ...(state === null ? {} : { state }), ...(search === '' ? {} : { search }), ...(cursor === null ? {} : { cursor }) },
      { signal },
    ),
  );
  // A filtered or later page shows what was asked for, kept fresh; only the plain first page takes new jobs in.
  const plain = state === null && search === '' && cursor === null;
  const known = new Set(listed.value?.items.map((job) => job.id));
  const relevant = plain ? changes.value : new Map([...changes.value].filter(([id, job]) => known.has(id) && (state === null || job.state === state)));
  const jobs = freshest(listed.value?.items ?? [], relevant).slice(0, PAGE);

  return (
    <Shell title="Jobs" connection={changes.connection}>
      <form
        className="mb-4 flex flex-wrap items-center gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          show({ search: typed });
        }}
      >
        {[null, ...jobStates].map((choice) => (
          <button
            key={choice ?? 'all'}
            type="button"
            aria-pressed={choice === state}
            onClick={() => show({ state: choice })}
            className={`cursor-pointer rounded-full border px-3 py-1 text-sm ${choice === state ? 'border-text bg-text text-ground' : 'border-line text-soft hover:border-soft'}`}
          >
            {choice ?? 'all'}
          </button>
        ))}
        <label className="ml-auto flex items-center gap-2 text-sm">
          <span className="text-soft">Name</span>
          <input value={typed} onChange={(event) => setTyped(event.target.value)} className="w-44 rounded-md border border-line bg-panel px-3 py-1.5" />
        </label>
        <Button type="submit" quiet>
          Search
        </Button>
      </form>
      <Panel title={plain ? 'Newest jobs' : 'Jobs found'} aside={`${jobs.length} shown`}>
        {listed.error !== null ? (
          <Failure message={listed.error.message} hint={listed.error.hint} again={listed.again} />
        ) : listed.loading ? (
          <Loading what="jobs" />
        ) : jobs.length === 0 ? (
          <Empty>{plain ? 'No job has been submitted yet.' : 'No job fits this filter.'}</Empty>
        ) : (
          <JobTable jobs={jobs} nowMs={nowMs} />
        )}
      </Panel>
      <div className="mt-4 flex gap-2">
        {cursor !== null && (
          <Button quiet onClick={() => show({ cursor: null })}>
            Newest
          </Button>
        )}
        {listed.value !== null && listed.value.nextCursor !== null && (
          <Button quiet onClick={() => show({ cursor: listed.value?.nextCursor ?? null })}>
            Older
          </Button>
        )}
      </div>
    </Shell>
  );
}
