// Counts what the running attempts of a worker use. Prefetched attempts hold a place, not resources. The worker itself is the
// last gate; this ledger only keeps offers sensible.
import type { Capabilities } from '@udcs/protocol';
import type { Ledger, Need, Worker } from './model.ts';

const NOTHING: Readonly<Ledger> = { slots: 0, cpus: 0, memoryBytes: 0, diskBytes: 0, gpus: 0, vramBytes: 0 };

export const emptyLedger = (): Ledger => ({ ...NOTHING });

/** Everything a worker gives, added up once: placing asks a hundred thousand times. */
export function capacityOf({ pools, devices }: Capabilities): Ledger {
  const gpus = devices.filter((device) => device.kind === 'gpu');
  const { slots, cpus, memoryBytes, diskBytes } = pools;
  return { slots, cpus, memoryBytes, diskBytes, gpus: gpus.length, vramBytes: gpus.reduce((sum, { vramBytes }) => sum + vramBytes, 0) };
}

/** Whether the resources of `need` are free next to what runs there. Slots are counted apart. */
export function usesFit({ used, capacity }: Worker, need: Need): boolean {
  if (used.cpus + need.cpus > capacity.cpus || used.memoryBytes + need.memoryBytes > capacity.memoryBytes) return false;
  if (need.diskBytes > 0 && used.diskBytes + need.diskBytes > capacity.diskBytes) return false;
  if (need.gpus === 0 && need.vramBytes === 0) return true;
  return used.gpus + need.gpus <= capacity.gpus && used.vramBytes + need.vramBytes * Math.max(1, need.gpus) <= capacity.vramBytes;
}

/** Whether the bytes of `need` are there at all, next to nothing. */
export const bytesFit = (need: Need, { capacity }: Worker): boolean => need.memoryBytes <= capacity.memoryBytes && need.diskBytes <= capacity.diskBytes;

export const hasFreeSlot = (worker: Worker): boolean => worker.used.slots < worker.effectiveSlots;

export function takeRoom(worker: Worker, need: Need): void {
  move(worker, need, 1);
}

export function giveRoom(worker: Worker, need: Need): void {
  move(worker, need, -1);
  // Sums of fractions drift; an empty machine is exactly empty.
  if (worker.used.slots === 0) Object.assign(worker.used, NOTHING);
}

function move({ used }: Worker, need: Need, sign: 1 | -1): void {
  used.slots += sign;
  used.cpus += sign * need.cpus;
  used.memoryBytes += sign * need.memoryBytes;
  used.diskBytes += sign * need.diskBytes;
  if (need.gpus === 0 && need.vramBytes === 0) return;
  used.gpus += sign * need.gpus;
  used.vramBytes += sign * need.vramBytes * Math.max(1, need.gpus);
}
