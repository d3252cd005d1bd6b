// Counts what the running attempts of a worker use. Prefetched attempts hold a place, not resources. The worker itself is the
// last gate; this ledger only keeps offers sensible.
import type { Need, Worker } from './model.ts';

/** Whether the resources of `need` are free next to what runs there. Slots are counted apart. */
export function usesFit(worker: Worker, need: Need): boolean {
  const { pools, devices } = worker.introduction.capabilities;
  const { used } = worker;
  if (used.cpus + need.cpus > pools.cpus || used.memoryBytes + need.memoryBytes > pools.memoryBytes || used.diskBytes + need.diskBytes > pools.diskBytes)
    return false;
  if (need.gpus === 0 && need.vramBytes === 0) return true;
  let gpus = 0;
  let vramBytes = 0;
  for (const device of devices) {
    if (device.kind !== 'gpu') continue;
    gpus++;
    vramBytes += device.vramBytes;
  }
  return used.gpus + need.gpus <= gpus && used.vramBytes + need.vramBytes * Math.max(1, need.gpus) <= vramBytes;
}

export const hasFreeSlot = (worker: Worker): boolean => worker.used.slots < worker.effectiveSlots;

export function takeRoom(worker: Worker, need: Need): void {
  move(worker, need, 1);
}

export function giveRoom(worker: Worker, need: Need): void {
  move(worker, need, -1);
  // Sums of fractions drift; an empty machine is exactly empty.
  if (worker.used.slots === 0) worker.used = { slots: 0, cpus: 0, memoryBytes: 0, diskBytes: 0, gpus: 0, vramBytes: 0 };
}

function move({ used }: Worker, need: Need, sign: 1 | -1): void {
  used.slots += sign;
  used.cpus += sign * need.cpus;
  used.memoryBytes += sign * need.memoryBytes;
  used.diskBytes += sign * need.diskBytes;
  used.gpus += sign * need.gpus;
  used.vramBytes += sign * need.vramBytes * Math.max(1, need.gpus);
}
