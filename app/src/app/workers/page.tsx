'use client';
import { count, plural } from '../../data/format.ts';
import { useLive } from '../../data/use-live.ts';
import { workerChanges } from '../../features/workers/fold.ts';
import { InvitePanel } from '../../features/workers/invite-panel.tsx';
import { WorkerGrid } from '../../features/workers/worker-grid.tsx';
import { WorkerTable } from '../../features/workers/worker-table.tsx';
import { Empty, Failure, Loading, Panel } from '../../ui/panel.tsx';
import { Shell } from '../../ui/shell.tsx';
import { useNow } from '../../ui/use-now.ts';

const SHOWN = 200;

export default function WorkersPage() {
  const nowMs = useNow();
  const live = useLive('workers.changes', '{}', workerChanges);
  const workers = [...live.value.values()].sort((a, b) => b.running - a.running || a.name.localeCompare(b.name));
  return (
    <Shell title="Workers" connection={live.connection}>
      <div className="space-y-5">
        {live.error !== null && live.connection === 'failed' ? (
          <Failure message={live.error.message} hint={live.error.hint} />
        ) : live.connection === 'loading' ? (
          <Loading what="workers" />
        ) : workers.length === 0 ? (
          <Panel title="No worker is connected">
            <Empty>Jobs wait until one is. Lend a browser tab or add a machine: the link or the command is made below.</Empty>
          </Panel>
        ) : (
          <>
            <Panel title="At work" aside={plural(workers.length, 'worker')}>
              <WorkerGrid workers={workers} />
            </Panel>
            <Panel title="Connected workers" aside={workers.length > SHOWN ? `busiest ${SHOWN} of ${count(workers.length)}` : undefined}>
              <WorkerTable workers={workers.slice(0, SHOWN)} nowMs={nowMs} />
            </Panel>
          </>
        )}
        <InvitePanel />
      </div>
    </Shell>
  );
}
