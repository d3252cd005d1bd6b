// `udcs workers`: who is connected, what each can run and how busy it is.
import { type WorkerState, type WorkerView, workerStates } from '@udcs/protocol';
import { type Command, Option } from 'commander';
import type { CommonOptions } from '../context.ts';
import { action, addVerb } from '../verb.ts';
import { agoText, bytesText } from '../words.ts';

interface WorkersFlags extends CommonOptions {
  readonly state?: WorkerState;
  readonly all?: boolean;
}

export function addWorkers(program: Command): void {
  addVerb(program, {
    usage: 'workers',
    summary: 'List workers: kind, what they can run, how busy they are.',
    examples: ['udcs workers', 'udcs workers --all --json | jq .worker.name'],
  })
    .addOption(new Option('--state <state>', 'only workers in this state').choices([...workerStates]))
    .option('--all', 'also those that are gone')
    .action(
      action<WorkersFlags>(async (context, flags) => {
        const workers: WorkerView[] = [];
        const query = { limit: 500, ...(flags.state === undefined ? {} : { state: flags.state }) };
        for await (const worker of context.grid().workers(query, { signal: context.signal })) {
          if (worker.state === 'gone' && flags.all !== true && flags.state !== 'gone') continue;
          workers.push(worker);
          context.out.event({ type: 'worker', worker });
        }
        if (workers.length === 0)
          context.out.note('no workers: `udcs worker` starts one here, `udcs invite` invites another machine, `udcs invite --donate` a browser tab');
        else
          context.out.table(
            ['NAME', 'KIND', 'STATE', 'RUNS', 'SLOTS', 'MEMORY', 'LOAD', 'DONE', 'SEEN'],
            workers.map((worker) => rowOf(worker, context.out.state(worker.state))),
          );
        return 0;
      }),
    );
}

function rowOf(worker: WorkerView, state: string): string[] {
  const { pools, types, devices } = worker.capabilities;
  const gpus = devices
    .filter((device) => device.kind === 'gpu')
    .map((device) => `${device.name}${device.provenance === 'software' || device.provenance === 'emulated' ? ` (${device.provenance})` : ''}`);
  const load =
    worker.load === null
      ? '-'
      : `${Math.round(worker.load.cpuOthers * 100)} % others${worker.load.throttle < 1 ? `, throttle ${Math.round(worker.load.throttle * 100)} %` : ''}`;
  return [
    worker.name,
    worker.kind,
    state,
    [...types, ...gpus].join(' '),
    `${worker.running}/${pools.slots}`,
    bytesText(pools.memoryBytes),
    load,
    String(worker.tasksDone),
    agoText(worker.lastSeenAtMs, Date.now()),
  ];
}
