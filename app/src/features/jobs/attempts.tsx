'use client';
// The attempts of one task: where each ran, how it ended, whose fault it was, and what it wrote.
import { type AttemptView, splitTaskId, type TaskId, type TaskView } from '@udcs/protocol';
import { useState } from 'react';
import { bytes, duration } from '../../data/format.ts';
import { useQuery } from '../../data/use-query.ts';
import { Empty, Failure, Loading } from '../../ui/panel.tsx';
import { StateWord } from '../../ui/state-word.tsx';
import { TaskExplanation } from './explain-panel.tsx';
import { StoredLog } from './log-tail.tsx';

const SHOWN = 50;
const BLAME = { job: "the job's fault", worker: "the worker's fault", fleet: 'nobody could run it', system: "the system's fault" };

export function TaskDetail({ task }: { task: TaskView }) {
  const id = task.id as TaskId;
  const { jobId, key } = splitTaskId(id);
  const query = useQuery(`attempts ${id}`, (grid, signal) => grid.call('jobs.attempts', { id: jobId, task: id, limit: SHOWN }, { signal }), task.attempts);
  const waits = task.state === 'ready' || task.state === 'blocked';
  return (
    <div className="space-y-3 border-l-2 border-line pl-4">
      {waits && <TaskExplanation id={jobId} task={id} />}
      {query.error !== null ? (
        <Failure message={query.error.message} hint={query.error.hint} again={query.again} />
      ) : query.value === null ? (
        <Loading what="attempts" />
      ) : query.value.items.length === 0 ? (
        <Empty>No attempt of it is on record.</Empty>
      ) : (
        <ol className="space-y-2 text-sm">
          {query.value.items.map((attempt) => (
            <Attempt key={`${attempt.epoch}/${attempt.attempt}`} attempt={attempt} taskKey={key} />
          ))}
        </ol>
      )}
    </div>
  );
}

function Attempt({ attempt, taskKey }: { attempt: AttemptView; taskKey: string }) {
  const [open, setOpen] = useState(false);
  const { usage } = attempt;
  const facts = [
    ...(usage === null ? [] : [duration(usage.wallMs)]),
    ...(usage === null || usage.cpuMs === null ? [] : [`${duration(usage.cpuMs)} of processor time`]),
    ...(usage === null || usage.gpuMs === null ? [] : [`${duration(usage.gpuMs)} of graphics time`]),
    ...(usage === null || usage.peakMemoryBytes === null ? [] : [`at most ${bytes(usage.peakMemoryBytes)} of memory`]),
    ...(attempt.signal === null ? [] : [`ended by ${attempt.signal}`]),
    ...(attempt.exitCode === null || attempt.exitCode === 0 ? [] : [`exit code ${attempt.exitCode}`]),
  ];
  return (
    <li>
      <StateWord state={attempt.state} /> on {attempt.workerName}{' '}
      <span className={attempt.workerKind === 'browser' ? 'text-tab' : 'text-native'}>{attempt.workerKind === 'browser' ? 'tab' : 'native'}</span>
      {facts.length > 0 && <span className="text-soft">, {facts.join(', ')}</span>}
      {attempt.error !== null && (
        <p className="break-words">
          {attempt.error.message}
          <span className="text-soft">
            {' '}
            <span className="font-mono text-xs">{attempt.error.code}</span>
            {attempt.blame !== null && `, ${BLAME[attempt.blame]}`}
          </span>
        </p>
      )}
      {attempt.log !== null && (
        <div className="mt-1">
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="cursor-pointer underline decoration-line underline-offset-4">
            {open ? 'Hide the log' : `Log, ${bytes(attempt.log.sizeBytes)}`}
          </button>
          {open && (
            <div className="mt-2">
              <StoredLog name={`task-${taskKey}-attempt-${attempt.attempt}`} blob={attempt.log} />
            </div>
          )}
        </div>
      )}
    </li>
  );
}
