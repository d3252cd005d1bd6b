'use client';
// What runs now, on whom, and how far it is. The bar wears its worker's colour.
import { count, percent, plural } from '../../data/format.ts';
import { Panel } from '../../ui/panel.tsx';
import { useWorkerFaces } from '../workers/use-worker-faces.ts';
import type { RunningTask } from './fold-events.ts';

const SHOWN = 24;

export function RunningTasks({ running, active }: { running: readonly RunningTask[]; active: number }) {
  const shown = running.slice(0, SHOWN);
  const faces = useWorkerFaces(shown.map((task) => task.worker));
  const others = active - shown.length;
  return (
    <Panel title="Under way" aside={plural(active, 'task')}>
      {shown.length > 0 && (
        <ul className="grid gap-x-8 gap-y-3 sm:grid-cols-2 lg:grid-cols-3">
          {shown.map((task) => {
            const face = faces.get(task.worker);
            const kind = face?.kind === 'browser' ? 'tab' : 'native';
            return (
              <li key={task.task} className="text-sm">
                <div className="flex items-baseline gap-2">
                  <span className="shrink-0 font-mono">{task.task.slice(task.task.indexOf('.') + 1)}</span>
                  <span className="min-w-0 truncate text-soft">{face === undefined ? '' : `on ${face.name}${face.kind === null ? '' : `, ${kind}`}`}</span>
                  <span className="ml-auto shrink-0 text-soft">{task.progress === null ? 'started' : percent(task.progress)}</span>
                </div>
                <div className="mt-1 h-1.5 overflow-hidden rounded-full bg-line" aria-hidden>
                  <span className={`settle block h-full ${kind === 'tab' ? 'bg-tab' : 'bg-native'}`} style={{ width: percent(task.progress ?? 0) }} />
                </div>
              </li>
            );
          })}
        </ul>
      )}
      {others > 0 && (
        <p className={`text-sm text-soft ${shown.length > 0 ? 'mt-3' : ''}`}>
          {shown.length === 0 ? 'None has told its progress yet.' : `${count(others)} more with workers.`}
        </p>
      )}
    </Panel>
  );
}
