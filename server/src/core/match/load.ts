// Does what the worker reports right now (`load.*`) meet the job's live wishes?
import type { AttrValue, Load } from '@udcs/protocol';
import { type LiveChecker, refuse } from './checker.ts';
import { meets } from './compare.ts';
import { predicateText } from './requires.ts';

export const checkLoad: LiveChecker = (need, worker) => {
  for (const predicate of need.live) {
    const have = loadAttribute(worker.load, predicate.attr);
    if (have === undefined ? predicate.op === 'notSet' : meets(predicate, have)) continue;
    const missingBy = typeof predicate.value === 'number' && typeof have === 'number' ? Math.abs(predicate.value - have) : null;
    return refuse(
      'LOAD',
      `its ${predicate.attr} is ${have ?? 'unknown'} now; the job requires ${predicateText(predicate)}`,
      'Wait until the machine is less loaded',
      missingBy,
    );
  }
  return null;
};

export function loadAttribute(load: Load, name: string): AttrValue | undefined {
  switch (name) {
    case 'load.cpuOthers':
      return load.cpuOthers;
    case 'load.memoryFreeBytes':
      return load.memoryFreeBytes;
    case 'load.diskFreeBytes':
      return load.diskFreeBytes;
    case 'load.battery':
      return load.battery?.level;
    case 'load.onBattery':
      return load.battery === null ? undefined : !load.battery.charging;
    case 'load.throttle':
      return load.throttle;
    default:
      return undefined;
  }
}
