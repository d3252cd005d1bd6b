// Is the machine large enough for one such task when nothing else runs? One checker per resource.
import type { Capabilities } from '@udcs/protocol';
import type { Need } from '../model.ts';
import { bytesText, refuse, type StaticChecker } from './checker.ts';

type Pools = Capabilities['pools'];

const fitsMemory = (need: Need, pools: Pools): boolean => need.memoryBytes <= pools.memoryBytes;
const fitsDisk = (need: Need, pools: Pools): boolean => need.diskBytes <= pools.diskBytes;

/** The check of GPU memory without its sentence, for placing: a class promises a little less than the exact need. */
export const vramFits = (need: Need, capabilities: Capabilities): boolean => need.vramBytes <= vramOf(need, capabilities);

/** Memory of the smallest of the GPUs that would be taken. */
function vramOf({ gpus }: Need, { devices }: Capabilities): number {
  const sizes = devices.filter((device) => device.kind === 'gpu').map((device) => device.vramBytes);
  return sizes.sort((a, b) => b - a)[Math.max(1, gpus) - 1] ?? 0;
}

export const checkCpus: StaticChecker = ({ cpus }, { capabilities: { pools } }) =>
  cpus <= pools.cpus ? null : refuse('CPUS', `it has ${pools.cpus} CPUs; the job needs ${cpus}`, `Lower resources.cpus to ${pools.cpus}`, cpus - pools.cpus);

export const checkMemory: StaticChecker = (need, { capabilities: { pools } }) =>
  fitsMemory(need, pools)
    ? null
    : refuse(
        'MEMORY',
        `it gives ${bytesText(pools.memoryBytes)} of memory; the job needs ${bytesText(need.memoryBytes)}`,
        `Lower resources.memoryBytes to ${bytesText(pools.memoryBytes)}`,
        need.memoryBytes - pools.memoryBytes,
      );

export const checkDisk: StaticChecker = (need, { capabilities: { pools } }) =>
  fitsDisk(need, pools)
    ? null
    : refuse(
        'DISK',
        `it gives ${bytesText(pools.diskBytes)} of disk; the job needs ${bytesText(need.diskBytes)}`,
        `Lower resources.diskBytes to ${bytesText(pools.diskBytes)}`,
        need.diskBytes - pools.diskBytes,
      );

export const checkGpus: StaticChecker = ({ gpus }, { capabilities: { devices } }) => {
  if (gpus === 0) return null;
  const have = devices.reduce((sum, device) => (device.kind === 'gpu' ? sum + 1 : sum), 0);
  return gpus <= have
    ? null
    : refuse('GPUS', `it has ${have} GPUs; the job needs ${gpus}`, have === 0 ? 'Connect a worker with a GPU' : `Lower resources.gpus to ${have}`, gpus - have);
};

export const checkVram: StaticChecker = (need, { capabilities }) => {
  const { vramBytes } = need;
  if (vramBytes === 0) return null;
  const have = vramOf(need, capabilities);
  if (vramBytes <= have) return null;
  const change = have === 0 ? 'Connect a worker with a GPU' : `Lower resources.vramBytes to ${bytesText(have)}`;
  return refuse('VRAM', `its GPU has ${bytesText(have)}; the job needs ${bytesText(vramBytes)}`, change, vramBytes - have);
};
