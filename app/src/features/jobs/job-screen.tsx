'use client';
// One job, live: where it stands, why it waits, what runs, what it wrote, its tasks. Only what there is to say has a panel.
import type { JobId, JobView, TaskView } from '@udcs/protocol';
import { isLoggedOut } from '../../data/session.ts';
import { useLive } from '../../data/use-live.ts';
import { useQuery } from '../../data/use-query.ts';
import { Failure, Loading, Panel } from '../../ui/panel.tsx';
import { Shell } from '../../ui/shell.tsx';
import { useNow } from '../../ui/use-now.ts';
import { JobExplanation } from './explain-panel.tsx';
import { type JobStory, jobStory } from './fold-events.ts';
import { JobActions } from './job-actions.tsx';
import { JobFacts } from './job-facts.tsx';
import { LogTail, StoredLog } from './log-tail.tsx';
import { RunningTasks } from './running-tasks.tsx';
import { TaskPanel } from './task-panel.tsx';

/** Changes of the past that are read again when the page opens: enough for the newest tasks, however long the job is. */
const PAST_CHANGES = 200;

export function JobScreen({ id }: { id: JobId }) {
  const found = useQuery(`job ${id}`, (grid, signal) => grid.call('jobs.get', { id }, { signal }));
  const input = found.value === null ? null : JSON.stringify({ id, live: true, afterSeq: Math.max(0, found.value.seq - PAST_CHANGES) });
  const live = useLive('jobs.events', input, jobStory);
  const job = live.value.job ?? found.value;
  const error = found.error ?? (live.connection === 'failed' ? live.error : null);
  const connection = found.error === null ? live.connection : isLoggedOut(found.error) ? 'logged-out' : 'failed';
  return (
    <Shell
      title={job === null ? 'Job' : job.name === '' ? 'Unnamed job' : job.name}
      connection={connection}
      aside={job === null ? undefined : <JobActions key={job.state} job={job} />}
    >
      {job !== null ? (
        <Story job={job} story={live.value} />
      ) : error !== null ? (
        <Failure message={error.message} hint={error.hint ?? 'ended jobs are kept for 7 days'} again={found.again} />
      ) : (
        <Loading what="the job" />
      )}
    </Shell>
  );
}

function Story({ job, story }: { job: JobView; story: JobStory }) {
  const nowMs = useNow();
  const waits = job.endedAtMs === null && job.counts.active === 0;
  const started = job.startedAtMs !== null || job.endedAtMs !== null;
  return (
    <div className="space-y-5">
      <JobFacts job={job} nowMs={nowMs} />
      {job.error !== null && <Failure message={job.error.message} hint={job.error.hint} />}
      {waits && <JobExplanation id={job.id as JobId} />}
      {job.counts.active > 0 && <RunningTasks running={[...story.running.values()]} active={job.counts.active} />}
      <Log story={story} />
      {started && <TaskPanel job={job} newest={story.settled} />}
    </div>
  );
}

/** Live lines while there are any, else the stored log of the task one would open first. */
function Log({ story }: { story: JobStory }) {
  if (story.log.length > 0)
    return (
      <Panel title="Log" aside="last lines of all tasks">
        <LogTail lines={story.log} />
      </Panel>
    );
  const task = story.settled.find((candidate) => candidate.state === 'failed' && hasLog(candidate)) ?? story.settled.find(hasLog);
  if (story.job?.endedAtMs == null || task === undefined || task.log === null) return null;
  return (
    <Panel title={`Log of task ${task.key}`} aside={story.job.counts.total > 1 ? 'other tasks have theirs with their attempts' : undefined}>
      <StoredLog name={`task-${task.key}`} blob={task.log} />
    </Panel>
  );
}

const hasLog = (task: TaskView): boolean => task.log !== null && task.log.sizeBytes > 0;
