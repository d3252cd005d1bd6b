// The connected workers: what each is, how it is known, how busy it is.
import type { WorkerView } from '@udcs/protocol';
import { age, bytes, count, percent, plural } from '../../data/format.ts';
import { StateWord } from '../../ui/state-word.tsx';
import { Cell, Table } from '../../ui/table.tsx';

const COLUMNS = ['Worker', 'State', 'Slots at work', 'Others use', 'Machine', 'Runs', 'Tasks done', 'Heard'];

/** What computes shaders there. Software is said to be software and never called a GPU; a GPU says how it is known. */
function deviceWords({ capabilities }: WorkerView): string {
  const hardware = capabilities.devices.filter((device) => device.kind === 'gpu' && (device.provenance === 'measured' || device.provenance === 'declared'));
  if (hardware.length > 0) return hardware.map((device) => `${device.name} (GPU, ${device.provenance})`).join(', ');
  return capabilities.types.includes('WGSL_KERNEL') ? 'no GPU, shaders run in software' : 'no GPU';
}

function machineWords({ capabilities: { attributes, pools } }: WorkerView): string {
  const system = [attributes['os.name'], attributes['arch']].filter((fact) => fact !== undefined).join(' ');
  return [system, plural(pools.cpus, 'core'), bytes(pools.memoryBytes)].filter((fact) => fact !== '').join(', ');
}

/** What its owner or its battery holds back; empty when nothing does. */
const restraints = ({ load }: WorkerView): string[] =>
  load === null
    ? []
    : [
        ...(load.throttle < 1 ? [load.throttle === 0 ? 'paused by its owner' : `throttled to ${percent(load.throttle)}`] : []),
        ...(load.battery === null || load.battery.charging ? [] : [`on battery, ${percent(load.battery.level)}`]),
      ];

export function WorkerTable({ workers, nowMs }: { workers: readonly WorkerView[]; nowMs: number }) {
  return (
    <Table label="Connected workers" columns={COLUMNS}>
      {workers.map((worker) => (
        <tr key={worker.id}>
          <Cell>
            <span className="block font-medium break-words">{worker.name}</span>
            <span className="text-sm text-soft">
              <span className={worker.kind === 'browser' ? 'text-tab' : 'text-native'}>{worker.kind === 'browser' ? 'tab' : 'native'}</span>
              {worker.owner === null ? ', donated' : `, of ${worker.owner}`}
            </span>
          </Cell>
          <Cell label="State">
            <StateWord state={worker.state} />
            {restraints(worker).map((words) => (
              <span key={words} className="block text-sm text-soft">
                {words}
              </span>
            ))}
          </Cell>
          <Cell label="Slots at work">
            {worker.running} of {worker.capabilities.pools.slots}
          </Cell>
          <Cell label="Others use" className="max-w-32">
            {worker.load === null ? 'not known' : `${percent(worker.load.cpuOthers)} CPU`}
          </Cell>
          <Cell label="Machine" className="text-soft">
            {machineWords(worker)}
            <span className="block">{deviceWords(worker)}</span>
          </Cell>
          <Cell label="Runs" className="max-w-56 text-sm text-soft">
            {worker.capabilities.types.join(', ')}
          </Cell>
          <Cell label="Tasks done">
            {count(worker.tasksDone)}
            {worker.attemptsLost > 0 && <span className="block text-sm text-soft">{plural(worker.attemptsLost, 'attempt')} lost</span>}
          </Cell>
          <Cell label="Heard" className="whitespace-nowrap text-soft">
            {age(worker.lastSeenAtMs, nowMs)}
          </Cell>
        </tr>
      ))}
    </Table>
  );
}
