// Is the machine large enough for one such task when nothing else runs? One checker per resource.
import { bytesText, refuse, type StaticChecker } from './checker.ts';

export const checkCpus: StaticChecker = ({ cpus }, { capabilities: { pools } }) =>
  cpus <= pools.cpus ? null : refuse('CPUS', `it has ${pools.cpus} CPUs; the job needs ${cpus}`, `Lower resources.cpus to ${pools.cpus}`, cpus - pools.cpus);

export const checkMemory: StaticChecker = ({ memoryBytes }, { capabilities: { pools } }) =>
  memoryBytes <= pools.memoryBytes
    ? null
    : refuse(
        'MEMORY',
        `it gives ${bytesText(pools.memoryBytes)} of memory; the job needs ${bytesText(memoryBytes)}`,
        `Lower resources.memoryBytes to ${bytesText(pools.memoryBytes)}`,
        memoryBytes - pools.memoryBytes,
      );

export const checkDisk: StaticChecker = ({ diskBytes }, { capabilities: { pools } }) =>
  diskBytes <= pools.diskBytes
    ? null
    : refuse(
        'DISK',
        `it gives ${bytesText(pools.diskBytes)} of disk; the job needs ${bytesText(diskBytes)}`,
        `Lower resources.diskBytes to ${bytesText(pools.diskBytes)}`,
        diskBytes - pools.diskBytes,
      );

export const checkGpus: StaticChecker = ({ gpus }, { capabilities: { devices } }) => {
  if (gpus === 0) return null;
  const have = devices.reduce((sum, device) => (device.kind === 'gpu' ? sum + 1 : sum), 0);
  return gpus <= have
    ? null
    : refuse('GPUS', `it has ${have} GPUs; the job needs ${gpus}`, have === 0 ? 'Connect a worker with a GPU' : `Lower resources.gpus to ${have}`, gpus - have);
};

export const checkVram: StaticChecker = ({ gpus, vramBytes }, { capabilities: { devices } }) => {
  if (vramBytes === 0) return null;
  const sizes = devices
    .filter((device) => device.kind === 'gpu')
    .map((device) => device.vramBytes)
    .sort((a, b) => b - a);
  const have = sizes[Math.max(1, gpus) - 1] ?? 0;
  return vramBytes <= have
    ? null
    : refuse(
        'VRAM',
        `its GPU has ${bytesText(have)}; the job needs ${bytesText(vramBytes)}`,
        have === 0 ? 'Connect a worker with a GPU' : `Lower resources.vramBytes to ${bytesText(have)}`,
        vramBytes - have,
      );
};
