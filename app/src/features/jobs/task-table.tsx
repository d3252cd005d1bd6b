'use client';
// Settled tasks with their outputs to download, and the attempts of a task with who is to blame for each.
import type { AttemptView, BlobRef, TaskId, TaskView } from '@udcs/protocol';
import { Fragment, useState } from 'react';
import { bytes, duration } from '../../data/format.ts';
import { currentGrid } from '../../data/session.ts';
import { useQuery } from '../../data/use-query.ts';
import { Failure, Loading } from '../../ui/panel.tsx';
import { Scroll } from '../../ui/scroll.tsx';
import { StateWord } from '../../ui/state-word.tsx';

async function download(name: string, blob: BlobRef): Promise<void> {
  const grid = currentGrid();
  if (grid === null) return;
  const content = await grid.artifacts.get(blob.digest);
  const url = URL.createObjectURL(new Blob([content.slice()]));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

export function TaskTable({ tasks }: { tasks: readonly TaskView[] }) {
  const [open, setOpen] = useState<string | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  return (
    <Scroll label="Tasks">
      {refused !== null && <Failure message={refused} />}
      <table>
        <thead>
          <tr>
            <th>Task</th>
            <th>State</th>
            <th>Attempts</th>
            <th>Outputs</th>
            <th>Result</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <Fragment key={task.id}>
              <tr>
                <td className="font-mono text-sm">{task.key}</td>
                <td>
                  <StateWord state={task.state} />
                </td>
                <td>
                  <button
                    type="button"
                    className="cursor-pointer underline underline-offset-4"
                    aria-expanded={open === task.id}
                    onClick={() => setOpen(open === task.id ? null : task.id)}
                  >
                    {task.attempts}
                  </button>
                </td>
                <td>
                  {Object.entries(task.outputs).map(([name, blob]) => (
                    <button
                      key={name}
                      type="button"
                      className="mr-3 cursor-pointer underline underline-offset-4"
                      onClick={() => download(`${task.key}-${name}`, blob).catch((failure: unknown) => setRefused(String(failure)))}
                    >
                      {name} <span className="text-soft">{bytes(blob.sizeBytes)}</span>
                    </button>
                  ))}
                </td>
                <td className="max-w-96">
                  {task.error !== null ? (
                    <span className="text-bad">
                      {task.error.message} <span className="font-mono text-xs">{task.error.code}</span>
                    </span>
                  ) : task.value === undefined || task.value === null ? null : (
                    <code className="block truncate font-mono text-sm">{JSON.stringify(task.value)}</code>
                  )}
                </td>
              </tr>
              {open === task.id && (
                <tr>
                  <td colSpan={5}>
                    <Attempts task={task} />
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Attempts({ task }: { task: TaskView }) {
  const id = task.id as TaskId;
  const query = useQuery(`attempts ${id} ${task.attempts}`, (grid, signal) =>
    grid.call('jobs.attempts', { id: id.slice(0, id.indexOf('.')) as `job_${string}`, task: id, limit: 50 }, { signal }),
  );
  if (query.error !== null) return <Failure message={query.error.message} hint={query.error.hint} again={query.again} />;
  if (query.value === null) return <Loading what="attempts" />;
  return (
    <ol className="space-y-1 border-l-2 border-line pl-4 text-sm">
      {query.value.items.map((attempt) => (
        <li key={`${attempt.epoch}/${attempt.attempt}`}>{describe(attempt)}</li>
      ))}
    </ol>
  );
}

function describe(attempt: AttemptView) {
  const took = attempt.usage === null ? null : duration(attempt.usage.wallMs);
  return (
    <>
      <StateWord state={attempt.state} /> on {attempt.workerName} ({attempt.workerKind === 'browser' ? 'tab' : 'native'})
      {took !== null && <span className="text-soft">, {took}</span>}
      {attempt.error !== null && (
        <span>
          : {attempt.error.message} <span className="font-mono text-xs text-soft">{attempt.error.code}</span>
        </span>
      )}
      {attempt.blame !== null && (
        <span className="text-soft">
          {' '}
          ({attempt.blame === 'job' ? "the job's fault" : attempt.blame === 'worker' ? "the worker's fault" : "the system's fault"})
        </span>
      )}
    </>
  );
}
