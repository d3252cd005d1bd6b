// The job's soft wishes: the weights of the met ones, as a share of all weights, −1..1.

import { meets } from '../match/compare.ts';
import { loadAttribute } from '../match/load.ts';
import type { Job, Worker } from '../model.ts';

export function scorePreference(job: Job, worker: Worker): number {
  const { prefers } = job.record.spec;
  if (prefers.length === 0) return 0;
  let sum = 0;
  let all = 0;
  for (const preference of prefers) {
    const have = preference.attr.startsWith('load.')
      ? loadAttribute(worker.load, preference.attr)
      : worker.introduction.capabilities.attributes[preference.attr];
    all += Math.abs(preference.weight);
    if (have === undefined ? preference.op === 'notSet' : meets(preference, have)) sum += preference.weight;
  }
  return all === 0 ? 0 : sum / all;
}
