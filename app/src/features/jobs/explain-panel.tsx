'use client';
// Why it is not running: the verdict with the nearest miss, how many workers fail which check, and each worker's first reason.
// Same checks as the matching; asked again while it is looked at.
import type { ExplainView, JobId, TaskId } from '@udcs/protocol';
import Link from 'next/link';
import { plural, shortId } from '../../data/format.ts';
import { useQuery } from '../../data/use-query.ts';
import { Failure, Loading, Panel } from '../../ui/panel.tsx';
import { useNow } from '../../ui/use-now.ts';

const AGAIN_MS = 5_000;

/** Of a whole job, as a panel; nothing while it runs or once it has ended. */
export function JobExplanation({ id }: { id: JobId }) {
  const query = useExplain(id, null);
  if (query.value?.verdict === 'running' || query.value?.verdict === 'ended') return null;
  return (
    <Panel title="Why it waits" aside={query.value === null ? undefined : `checked every ${AGAIN_MS / 1000} s`}>
      <Answer query={query} />
    </Panel>
  );
}

/** Of one task, inside its row. */
export const TaskExplanation = ({ id, task }: { id: JobId; task: TaskId }) => <Answer query={useExplain(id, task)} />;

function useExplain(id: JobId, task: TaskId | null) {
  const turn = Math.floor(useNow() / AGAIN_MS);
  return useQuery(`explain ${task ?? id}`, (grid, signal) => grid.call('jobs.explain', task === null ? { id } : { id, task }, { signal }), turn);
}

function Answer({ query }: { query: ReturnType<typeof useExplain> }) {
  if (query.value !== null) return <Reasons explain={query.value} />;
  return query.error === null ? <Loading what="the reasons" /> : <Failure message={query.error.message} hint={query.error.hint} again={query.again} />;
}

function Reasons({ explain }: { explain: ExplainView }) {
  // While it waits for other jobs, what workers would say is beside the point.
  if (explain.verdict === 'blocked') return <p>{withLinks(explain.summary)}</p>;
  const refusals = explain.workers.flatMap((entry) => (entry.reason === null ? [] : [{ ...entry, reason: entry.reason }]));
  const { nearest } = explain;
  return (
    <div className="max-w-prose space-y-3">
      <p>{withLinks(explain.summary)}</p>
      {nearest !== null && !explain.summary.includes(nearest.suggestion) && (
        <p>
          Nearest is {nearest.name}: {nearest.suggestion}
        </p>
      )}
      {explain.tally.length > 1 && (
        <ul className="space-y-1">
          {explain.tally.map((row) => (
            <li key={row.code} className="flex gap-3">
              <span className="w-24 shrink-0 text-soft">{plural(row.workers, 'worker')}</span>
              <span>{row.message}</span>
            </li>
          ))}
        </ul>
      )}
      {refusals.length > 0 && (
        <details>
          <summary className="cursor-pointer text-soft">Each worker's first reason</summary>
          <ul className="mt-2 space-y-1.5">
            {refusals.map((entry) => (
              <li key={`${entry.worker} ${entry.variant}`}>
                <span className="font-medium">{entry.name}</span>: {entry.reason.message}
                {entry.reason.change !== null && <span className="text-soft">. To change that: {entry.reason.change}</span>}
              </li>
            ))}
            {explain.workersNotShown > 0 && <li className="text-soft">and {plural(explain.workersNotShown, 'more worker')}</li>}
          </ul>
        </details>
      )}
    </div>
  );
}

/** Job ids in a sentence lead to their pages. */
const withLinks = (text: string) =>
  text.split(/(job_[0-9a-z]{26})/).map((part) =>
    part.startsWith('job_') ? (
      <Link key={part} href={`/jobs/${part}`} prefetch={false} className="font-mono text-sm">
        {shortId(part)}
      </Link>
    ) : (
      part
    ),
  );
