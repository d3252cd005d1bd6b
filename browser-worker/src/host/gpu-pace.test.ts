// A quarter of the GPU means three times as much rest as work, however the executor waits.
import { describe, expect, it } from 'vitest';
import { paceDevice } from './gpu-pace.ts';

const WORK_MS = 40;

/** A device whose every submit takes WORK_MS of a clock that only moves here. */
function fakeDevice(share: number) {
  let nowMs = 1_000;
  let pendingMs = 0;
  const slept: number[] = [];
  const finish = async (): Promise<undefined> => {
    nowMs += pendingMs;
    pendingMs = 0;
    return undefined;
  };
  const queue = {
    submit: (_buffers: Iterable<GPUCommandBuffer>): undefined => {
      pendingMs += WORK_MS;
      return undefined;
    },
    onSubmittedWorkDone: finish,
  };
  const device = { queue, createBuffer: (_descriptor: GPUBufferDescriptor) => ({ mapAsync: (_mode: number) => finish() }) as Partial<GPUBuffer> as GPUBuffer };
  paceDevice(device, {
    share: () => share,
    sleep: async (ms) => {
      slept.push(ms);
      nowMs += ms;
    },
    nowMs: () => nowMs,
  });
  return { device, slept };
}

describe('a paced GPU', () => {
  it('rests three times as long as it worked at a quarter', async () => {
    const { device, slept } = fakeDevice(0.25);
    for (let turn = 0; turn < 3; turn++) {
      device.queue.submit([]);
      await device.queue.onSubmittedWorkDone();
    }
    expect(slept).toEqual([3 * WORK_MS, 3 * WORK_MS, 3 * WORK_MS]);
  });

  it('counts a dispatch and the copy behind it once, when the executor waits by mapping', async () => {
    const { device, slept } = fakeDevice(0.5);
    const staging = device.createBuffer({ size: 4, usage: 0 });
    device.queue.submit([]);
    device.queue.submit([]);
    await staging.mapAsync(1);
    expect(slept).toEqual([2 * WORK_MS]);
    await staging.mapAsync(1);
    expect(slept).toHaveLength(1);
  });

  it('never rests when all of the GPU is lent', async () => {
    const { device, slept } = fakeDevice(1);
    device.queue.submit([]);
    await device.queue.onSubmittedWorkDone();
    expect(slept).toEqual([]);
  });
});
