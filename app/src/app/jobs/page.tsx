'use client';
import { type JobState, jobStates } from '@udcs/protocol';
import { plural } from '../../data/format.ts';
import { useLive } from '../../data/use-live.ts';
import { useQuery } from '../../data/use-query.ts';
import { useUrl } from '../../data/use-url.ts';
import { freshest, jobChanges } from '../../features/jobs/fold.ts';
import { JobTable } from '../../features/jobs/job-table.tsx';
import { Chips } from '../../ui/chips.tsx';
import { Button, Empty, Failure, Loading, Panel } from '../../ui/panel.tsx';
import { Shell } from '../../ui/shell.tsx';
import { useNow } from '../../ui/use-now.ts';

const PAGE = 50;
const REFRESH_MS = 5_000;
const isState = (value: string | null): value is JobState => jobStates.some((state) => state === value);

export default function JobsPage() {
  const nowMs = useNow();
  const [get, change] = useUrl();
  const wanted = get('state');
  const state = isState(wanted) ? wanted : null;
  const search = get('search') ?? '';
  const cursor = get('cursor');
  const filtered = state !== null || search !== '';
  const plain = !filtered && cursor === null;

  const changes = useLive('jobs.changes', '{}', jobChanges);
  const listed = useQuery(
    `jobs ${state} ${search} ${cursor}`,
    (grid, signal) =>
      grid.call(
        'jobs.list',
        { limit: PAGE, ...(state === null ? {} : { state }), ...(search === '' ? {} : { search }), ...(cursor === null ? {} : { cursor }) },
        { signal },
      ),
    plain ? 0 : Math.floor(nowMs / REFRESH_MS),
  );
  // The plain first page takes new jobs in by itself; another page or filter keeps what it has fresh and is asked again.
  const known = new Set(listed.value?.items.map((job) => job.id));
  const relevant = plain ? changes.value : new Map([...changes.value].filter(([id]) => known.has(id)));
  const jobs = freshest(listed.value?.items ?? [], relevant).filter((job) => state === null || job.state === state);

  return (
    <Shell title="Jobs" connection={changes.connection}>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <Chips
          label="State"
          choices={[null, ...jobStates].map((value) => ({ value, words: value ?? 'all' }))}
          chosen={state}
          choose={(next) => change({ state: next, cursor: null })}
        />
        <Search key={search} search={search} submit={(next) => change({ search: next, cursor: null })} />
      </div>
      <Panel title={filtered ? 'Jobs found' : plain ? 'Newest jobs' : 'Older jobs'} aside={plural(Math.min(jobs.length, PAGE), 'job')}>
        {listed.error !== null ? (
          <Failure message={listed.error.message} hint={listed.error.hint} again={listed.again} />
        ) : listed.loading ? (
          <Loading what="jobs" />
        ) : jobs.length === 0 ? (
          <Empty>{filtered ? 'No job fits this filter.' : 'No job has been submitted yet.'}</Empty>
        ) : (
          <JobTable jobs={jobs.slice(0, PAGE)} nowMs={nowMs} />
        )}
      </Panel>
      <div className="mt-4 flex gap-2">
        {cursor !== null && (
          <Button quiet onClick={() => change({ cursor: null })}>
            Newest
          </Button>
        )}
        {listed.value !== null && listed.value.nextCursor !== null && (
          <Button quiet onClick={() => change({ cursor: listed.value?.nextCursor ?? null })}>
            Older
          </Button>
        )}
      </div>
    </Shell>
  );
}

function Search({ search, submit }: { search: string; submit: (search: string) => void }) {
  return (
    <search>
      <form
        className="flex flex-wrap items-center gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          const typed = new FormData(event.currentTarget).get('search');
          submit(typeof typed === 'string' ? typed.trim() : '');
        }}
      >
        <label className="flex items-center gap-2 text-sm">
          <span className="text-soft">Name</span>
          <input name="search" defaultValue={search} maxLength={200} className="w-44 rounded-md border border-line bg-panel px-3 py-1.5" />
        </label>
        <Button type="submit" quiet>
          Search
        </Button>
      </form>
    </search>
  );
}
