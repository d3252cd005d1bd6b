'use client';
// The tasks of a job by state: the newest ones live, all of them by pages. Which are shown, and which one is open, stands in the address.
import type { JobId, JobView, TaskView } from '@udcs/protocol';
import { count } from '../../data/format.ts';
import { useQuery } from '../../data/use-query.ts';
import { useUrl } from '../../data/use-url.ts';
import { Chips } from '../../ui/chips.tsx';
import { Button, Empty, Failure, Loading, Panel } from '../../ui/panel.tsx';
import { useNow } from '../../ui/use-now.ts';
import { TaskTable } from './task-table.tsx';

const ENDED = ['failed', 'succeeded', 'canceled'] as const;
const VIEWS = ['newest', ...ENDED, 'all'] as const;
type View = (typeof VIEWS)[number];

const PAGE = 50;
const NEWEST_SHOWN = 25;
const REFRESH_MS = 2_000;

const isView = (value: string | null): value is View => VIEWS.some((view) => view === value);

/** What nobody asked for otherwise: failures first. */
const defaultView = (counts: JobView['counts']): View => (counts.failed > 0 ? 'failed' : 'newest');

export function TaskPanel({ job, newest }: { job: JobView; newest: readonly TaskView[] }) {
  const [get, change] = useUrl();
  const wanted = get('tasks');
  const view = isView(wanted) ? wanted : defaultView(job.counts);
  const open = get('task');
  const setOpen = (key: string | null): void => change({ task: key });
  const ended = job.counts.failed + job.counts.succeeded + job.counts.canceled;
  const choices = [
    { value: 'newest' as View, words: 'newest' },
    ...ENDED.filter((state) => job.counts[state] > 0 || state === view).map((state) => ({
      value: state as View,
      words: `${state} ${count(job.counts[state])}`,
    })),
    { value: 'all' as View, words: 'all, by number' },
  ];
  return (
    <Panel title="Tasks">
      <div className="space-y-4">
        <Chips label="Which tasks" choices={choices} chosen={view} choose={(next) => change({ tasks: next, from: null, task: null })} />
        {view !== 'newest' ? (
          <Listed job={job} view={view} open={open} setOpen={setOpen} />
        ) : newest.length === 0 ? (
          <Empty>None has ended yet. Tasks appear here the moment they end.</Empty>
        ) : (
          <>
            <TaskTable tasks={newest.slice(0, NEWEST_SHOWN)} open={open} setOpen={setOpen} />
            {ended > NEWEST_SHOWN && (
              <p className="text-sm text-soft">
                The newest {NEWEST_SHOWN} of {count(ended)} that have ended.
              </p>
            )}
          </>
        )}
      </div>
    </Panel>
  );
}

function Listed({ job, view, open, setOpen }: { job: JobView; view: Exclude<View, 'newest'>; open: string | null; setOpen: (key: string | null) => void }) {
  const [get, change] = useUrl();
  const from = get('from');
  const turn = Math.floor(useNow() / REFRESH_MS);
  const id = job.id as JobId;
  const query = useQuery(
    `tasks ${id} ${view} ${from}`,
    (grid, signal) =>
      grid.call('jobs.tasks', { id, limit: PAGE, ...(view === 'all' ? {} : { state: view }), ...(from === null ? {} : { cursor: from }) }, { signal }),
    job.endedAtMs === null ? turn : `ended ${job.seq}`,
  );
  if (query.error !== null) return <Failure message={query.error.message} hint={query.error.hint} again={query.again} />;
  if (query.value === null) return <Loading what="tasks" />;
  const { items, nextCursor } = query.value;
  return (
    <>
      {items.length === 0 ? (
        <Empty>{view === 'all' ? 'No task of it has started yet.' : `No task is ${view}.`}</Empty>
      ) : (
        <TaskTable tasks={items} open={open} setOpen={setOpen} />
      )}
      {(from !== null || nextCursor !== null) && (
        <div className="flex gap-2">
          {from !== null && (
            <Button quiet onClick={() => change({ from: null, task: null })}>
              First page
            </Button>
          )}
          {nextCursor !== null && (
            <Button quiet onClick={() => change({ from: nextCursor, task: null })}>
              Next {PAGE}
            </Button>
          )}
        </div>
      )}
    </>
  );
}
