'use client';
// Tasks with their outcome and outputs; one of them opens to its attempts.
import type { TaskView } from '@udcs/protocol';
import { ChevronDown, ChevronRight } from 'lucide-react';
import { Fragment } from 'react';
import { StateWord } from '../../ui/state-word.tsx';
import { Cell, Table } from '../../ui/table.tsx';
import { SaveButton } from '../artifacts/save-button.tsx';
import { TaskDetail } from './attempts.tsx';

interface TaskTableProps {
  readonly tasks: readonly TaskView[];
  /** Key of the task that is open. */
  readonly open: string | null;
  readonly setOpen: (key: string | null) => void;
}

export function TaskTable({ tasks, open, setOpen }: TaskTableProps) {
  const outputs = tasks.some((task) => Object.keys(task.outputs).length > 0);
  const results = tasks.some((task) => resultOf(task) !== null);
  return (
    <Table label="Tasks" columns={['Task', 'State', ...(outputs ? ['Outputs'] : []), ...(results ? ['Result'] : [])]}>
      {tasks.map((task) => (
        <Fragment key={task.id}>
          <tr className={open === task.key ? 'opened' : ''}>
            <Cell>
              <button
                type="button"
                className="inline-flex cursor-pointer items-center gap-1.5 text-left"
                aria-expanded={open === task.key}
                aria-label={`Task ${task.key}, attempts`}
                onClick={() => setOpen(open === task.key ? null : task.key)}
              >
                {open === task.key ? <ChevronDown size={14} aria-hidden /> : <ChevronRight size={14} aria-hidden />}
                <span className="font-mono text-sm">{task.key}</span>
                {task.attempts > 1 && <span className="text-sm text-soft">{task.attempts} attempts</span>}
              </button>
            </Cell>
            <Cell label="State">
              <StateWord state={task.state} />
            </Cell>
            {outputs && <Cell label="Outputs">{outputsOf(task)}</Cell>}
            {results && (
              <Cell label="Result" className="max-w-96">
                {resultOf(task)}
              </Cell>
            )}
          </tr>
          {open === task.key && (
            <tr>
              <td colSpan={2 + Number(outputs) + Number(results)}>
                <TaskDetail task={task} />
              </td>
            </tr>
          )}
        </Fragment>
      ))}
    </Table>
  );
}

function outputsOf(task: TaskView) {
  const outputs = Object.entries(task.outputs);
  if (outputs.length === 0) return null;
  return outputs.map(([name, blob]) => <SaveButton key={name} name={name} fileName={`${task.key}-${name}`} blob={blob} />);
}

function resultOf(task: TaskView) {
  if (task.error !== null)
    return (
      <span className="break-words text-bad">
        {task.error.message} <span className="font-mono text-xs">{task.error.code}</span>
      </span>
    );
  if (task.value === undefined || task.value === null) return null;
  return <code className="block truncate font-mono text-sm">{JSON.stringify(task.value)}</code>;
}
