// The fleet at a glance: a cell a worker, clay for tabs, blue for native ones; filled by the share of its slots at work.
import type { WorkerView } from '@udcs/protocol';

export const GRID_CELLS_MAX = 400;

export function WorkerGrid({ workers }: { workers: readonly WorkerView[] }) {
  return (
    <div>
      <ul className="flex flex-wrap gap-1.5" aria-label="Connected workers">
        {workers.slice(0, GRID_CELLS_MAX).map((worker) => {
          const slots = worker.capabilities.pools.slots;
          const busy = Math.min(1, worker.running / slots);
          const colour = worker.kind === 'browser' ? 'bg-tab' : 'bg-native';
          const words = `${worker.name}: ${worker.kind === 'browser' ? 'tab' : 'native'}, ${worker.state}, ${worker.running} of ${slots} slots at work`;
          return (
            <li
              key={worker.id}
              title={words}
              className={`relative size-7 overflow-hidden rounded border border-line ${worker.state === 'online' ? '' : 'opacity-50'}`}
            >
              <span className={`settle absolute inset-x-0 bottom-0 ${colour}`} style={{ height: `${Math.max(6, busy * 100)}%` }} aria-hidden />
              <span className="sr-only">{words}</span>
            </li>
          );
        })}
      </ul>
      <p className="mt-3 flex flex-wrap gap-x-5 text-sm text-soft">
        <span className="inline-flex items-center gap-2">
          <span className="size-3 rounded-sm bg-tab" aria-hidden /> tab
        </span>
        <span className="inline-flex items-center gap-2">
          <span className="size-3 rounded-sm bg-native" aria-hidden /> native worker
        </span>
        <span>filled by the share of its slots at work</span>
        {workers.length > GRID_CELLS_MAX && <span>{workers.length - GRID_CELLS_MAX} more are not drawn</span>}
      </p>
    </div>
  );
}
