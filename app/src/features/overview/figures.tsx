import type { Overview } from '@udcs/protocol';
import { count, plural } from '../../data/format.ts';

/** The five numbers one looks for first. */
export function Figures({ overview }: { overview: Overview }) {
  const { workers, tasks, jobs, totals } = overview;
  const figures: [value: number, name: string, note: string][] = [
    [
      workers.browser + workers.native,
      'workers connected',
      `${plural(workers.browser, 'tab')}, ${count(workers.native)} native${workers.suspect > 0 ? `, ${count(workers.suspect)} silent` : ''}`,
    ],
    [
      workers.busySlots,
      `of ${plural(workers.slots, 'slot')} at work`,
      workers.slots === 0 ? 'no worker is connected' : `${Math.round((100 * workers.busySlots) / workers.slots)} % of the grid`,
    ],
    [tasks.queued, 'tasks queued', tasks.blocked > 0 ? `${count(tasks.blocked)} more behind other jobs` : 'none behind another job'],
    [jobs.running, 'jobs running', `${count(jobs.queued)} queued`],
    [totals.tasksSucceeded, 'tasks succeeded', `${count(totals.tasksFailed)} failed, ${plural(totals.attemptsLost, 'attempt')} lost, since this start`],
  ];
  return (
    <dl className="grid grid-cols-2 gap-x-8 gap-y-5 sm:grid-cols-3 lg:grid-cols-5">
      {figures.map(([value, name, note]) => (
        <div key={name}>
          <dd className="text-3xl font-semibold tracking-tight tabular-nums">{count(value)}</dd>
          <dt className="leading-5">{name}</dt>
          <dd className="text-sm leading-5 text-soft">{note}</dd>
        </div>
      ))}
    </dl>
  );
}
