'use client';
import type { JobId, JobView } from '@udcs/protocol';
import { useState } from 'react';
import { age, clock, count, duration, percent } from '../../data/format.ts';
import { currentGrid } from '../../data/session.ts';
import { useLive } from '../../data/use-live.ts';
import { useQuery } from '../../data/use-query.ts';
import { Button, Empty, Failure, Loading, Panel } from '../../ui/panel.tsx';
import { Shell } from '../../ui/shell.tsx';
import { StateWord } from '../../ui/state-word.tsx';
import { useNow } from '../../ui/use-now.ts';
import { ExplainPanel } from './explain-panel.tsx';
import { emptyStory, foldEvent, type RunningTask } from './fold-events.ts';
import { LogTail } from './log-tail.tsx';
import { ProgressBar } from './progress-bar.tsx';
import { TaskTable } from './task-table.tsx';

const RUNNING_SHOWN = 24;

export function JobScreen({ id }: { id: JobId }) {
  const nowMs = useNow();
  const { value: story, connection, error } = useLive('jobs.events', JSON.stringify({ id, live: true }), emptyStory, foldEvent);
  const job = story.job;
  const waits = job !== null && job.endedAtMs === null && job.counts.active === 0;
  return (
    <Shell
      title={job === null || job.name === '' ? 'Job' : job.name}
      connection={connection}
      aside={job !== null && job.endedAtMs === null ? <Cancel id={id} /> : undefined}
    >
      {error !== null && connection === 'failed' ? (
        <Failure message={error.message} hint={error.hint ?? 'It may have been deleted: ended jobs are kept for 7 days.'} />
      ) : job === null ? (
        <Loading what="the job" />
      ) : (
        <div className="space-y-5">
          <Facts job={job} nowMs={nowMs} />
          {job.error !== null && <Failure message={job.error.message} hint={job.error.hint} />}
          {waits && <Explanation id={id} />}
          {story.running.size > 0 && <Running running={[...story.running.values()]} />}
          <Panel title="Log">
            <LogTail lines={story.log} />
          </Panel>
          <Panel title="Tasks that ended" aside={`newest ${count(story.settled.length)}`}>
            {story.settled.length === 0 ? <Empty>None yet. Tasks appear here the moment they end.</Empty> : <TaskTable tasks={story.settled} />}
          </Panel>
        </div>
      )}
    </Shell>
  );
}

function Facts({ job, nowMs }: { job: JobView; nowMs: number }) {
  const facts: [string, string][] = [
    ['Submitted', `${age(job.submittedAtMs, nowMs)}, by ${job.owner}`],
    ['Took', job.startedAtMs === null ? 'not started' : duration((job.endedAtMs ?? nowMs) - job.startedAtMs)],
    ['Type', job.types.join(' or ')],
    ['Priority', String(job.priority)],
    ['Attempts made again', count(job.repeatedAttempts)],
  ];
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center gap-x-6 gap-y-2">
        <StateWord state={job.state} />
        <span className="font-mono text-sm text-soft">{job.id}</span>
        <span className="text-sm text-soft">{clock(job.submittedAtMs)}</span>
      </div>
      <ProgressBar counts={job.counts} />
      <dl className="flex flex-wrap gap-x-8 gap-y-2">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className="text-sm text-soft">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Explanation({ id }: { id: JobId }) {
  const query = useQuery(`explain ${id}`, (grid, signal) => grid.call('jobs.explain', { id }, { signal }));
  if (query.error !== null) return <Failure message={query.error.message} hint={query.error.hint} again={query.again} />;
  return query.value === null ? null : <ExplainPanel explain={query.value} again={query.again} />;
}

function Running({ running }: { running: readonly RunningTask[] }) {
  return (
    <Panel title="Running now" aside={running.length > RUNNING_SHOWN ? `${RUNNING_SHOWN} of ${count(running.length)}` : undefined}>
      <ul className="grid gap-x-8 gap-y-2 sm:grid-cols-2 lg:grid-cols-3">
        {running.slice(0, RUNNING_SHOWN).map((task) => (
          <li key={task.task} className="flex items-center gap-3">
            <span className="w-14 shrink-0 truncate font-mono text-sm">{task.task.slice(task.task.indexOf('.') + 1)}</span>
            <span className="h-1.5 grow overflow-hidden rounded-full bg-line" aria-hidden>
              <span className="settle block h-full bg-native" style={{ width: percent(task.progress ?? 0) }} />
            </span>
            <span className="w-12 shrink-0 text-right text-sm text-soft">{task.progress === null ? '…' : percent(task.progress)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Cancel({ id }: { id: JobId }) {
  const [asked, setAsked] = useState<'no' | 'sure' | 'sent'>('no');
  const [failure, setFailure] = useState<string | null>(null);
  const cancel = (): void => {
    setAsked('sent');
    currentGrid()
      ?.call('jobs.cancel', { id })
      .catch((thrown: unknown) => {
        setAsked('no');
        setFailure(thrown instanceof Error ? thrown.message : String(thrown));
      });
  };
  return (
    <div className="flex items-center gap-3">
      {failure !== null && <span className="text-sm text-bad">{failure}</span>}
      {asked === 'sure' ? (
        <>
          <span className="text-sm">What has ended stays. The rest will not run.</span>
          <Button onClick={cancel}>Cancel the job</Button>
          <Button quiet onClick={() => setAsked('no')}>
            Keep it
          </Button>
        </>
      ) : (
        <Button quiet disabled={asked === 'sent'} onClick={() => setAsked('sure')}>
          {asked === 'sent' ? 'Canceling…' : 'Cancel…'}
        </Button>
      )}
    </div>
  );
}
