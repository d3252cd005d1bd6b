'use client';
import type { WorkerView } from '@udcs/protocol';
import { age, bytes, count, plural } from '../../data/format.ts';
import { useLive } from '../../data/use-live.ts';
import { foldWorkers, noWorkers } from '../../features/workers/fold.ts';
import { WorkerGrid } from '../../features/workers/worker-grid.tsx';
import { Empty, Failure, Loading, Panel } from '../../ui/panel.tsx';
import { Scroll } from '../../ui/scroll.tsx';
import { Shell } from '../../ui/shell.tsx';
import { StateWord } from '../../ui/state-word.tsx';
import { useNow } from '../../ui/use-now.ts';

const SHOWN = 200;

export default function WorkersPage() {
  const nowMs = useNow();
  const live = useLive('workers.changes', '{}', noWorkers, foldWorkers);
  const workers = [...live.value.values()].sort((a, b) => b.running - a.running || a.name.localeCompare(b.name));
  return (
    <Shell title="Workers" connection={live.connection}>
      {live.error !== null && live.connection === 'failed' ? (
        <Failure message={live.error.message} hint={live.error.hint} />
      ) : live.connection === 'loading' ? (
        <Loading what="workers" />
      ) : workers.length === 0 ? (
        <Panel title="No worker is connected">
          <Empty>
            <code className="font-mono text-sm">udcs invite</code> prints a link that joins native workers,{' '}
            <code className="font-mono text-sm">udcs invite --donate</code> one that people open in a browser.
          </Empty>
        </Panel>
      ) : (
        <div className="space-y-5">
          <Panel title="At work" aside={plural(workers.length, 'worker')}>
            <WorkerGrid workers={workers} />
          </Panel>
          <Panel title="Connected workers" aside={workers.length > SHOWN ? `busiest ${SHOWN} of ${count(workers.length)}` : undefined}>
            <WorkerTable workers={workers.slice(0, SHOWN)} nowMs={nowMs} />
          </Panel>
        </div>
      )}
    </Shell>
  );
}

const deviceWords = (worker: WorkerView): string => {
  const gpus = worker.capabilities.devices.filter((device) => device.kind === 'gpu').map((device) => device.name);
  if (gpus.length > 0) return gpus.join(', ');
  return worker.capabilities.types.includes('WGSL_KERNEL') ? 'no GPU; WGSL in software' : 'no GPU';
};

function WorkerTable({ workers, nowMs }: { workers: readonly WorkerView[]; nowMs: number }) {
  return (
    <Scroll label="Connected workers">
      <table>
        <thead>
          <tr>
            <th>Worker</th>
            <th>State</th>
            <th>Slots at work</th>
            <th>Load by others</th>
            <th>Machine</th>
            <th>Runs</th>
            <th>Tasks done</th>
            <th>Heard</th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.id}>
              <td>
                <span className="block font-medium">{worker.name}</span>
                <span className={`text-sm ${worker.kind === 'browser' ? 'text-tab' : 'text-native'}`}>{worker.kind === 'browser' ? 'tab' : 'native'}</span>
                <span className="text-sm text-soft">{worker.owner === null ? ', donated' : `, of ${worker.owner}`}</span>
              </td>
              <td>
                <StateWord state={worker.state} />
              </td>
              <td>
                {worker.running} of {worker.capabilities.pools.slots}
              </td>
              <td>{worker.load === null ? 'not known' : `${Math.round(worker.load.cpuOthers * 100)} % CPU`}</td>
              <td className="text-soft">
                {[worker.capabilities.attributes['os.name'], worker.capabilities.attributes['arch']].filter((fact) => fact !== undefined).join(' ')},{' '}
                {plural(worker.capabilities.pools.cpus, 'core')}, {bytes(worker.capabilities.pools.memoryBytes)}
                <span className="block">{deviceWords(worker)}</span>
              </td>
              <td className="max-w-56 text-sm text-soft">{worker.capabilities.types.join(', ')}</td>
              <td>
                {count(worker.tasksDone)}
                {worker.attemptsLost > 0 && <span className="block text-sm text-soft">{count(worker.attemptsLost)} lost</span>}
              </td>
              <td className="whitespace-nowrap text-soft">{age(worker.lastSeenAtMs, nowMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
