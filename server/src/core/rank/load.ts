// What the worker's other programs leave of it: how many slots it gets now, and what share of one when less than one is left.
import type { Worker } from '../model.ts';

/** Use by others up to here costs nothing: a machine with some background work is a good machine. */
const FREE_SHARE = 0.5;
const LEAST = 0.4;

/** 1 = idle machine, 0.4 = all of it is used by others. */
export function scoreLoad(worker: Worker): number {
  const { cpuOthers } = worker.load;
  return cpuOthers <= FREE_SHARE ? 1 : 1 - ((cpuOthers - FREE_SHARE) / (1 - FREE_SHARE)) * (1 - LEAST);
}

export function applyLoad(worker: Worker): void {
  const { slots } = worker.introduction.capabilities.pools;
  const { throttle } = worker.load;
  const left = slots * scoreLoad(worker) * (throttle > 0 ? Math.max(throttle, 1 / slots) : 0);
  worker.effectiveSlots = left === 0 ? 0 : Math.max(1, Math.floor(left));
  worker.dutyShare = Math.min(1, slots * scoreLoad(worker));
}
