// A WebGPU device for tests in Node: npm webgpu on the real driver or on the SwiftShader that Debian's chromium package brings.
import { existsSync } from 'node:fs';
import type { TestContext } from 'vitest';
import type { Host } from '../kit/executor.ts';

const ICD = '/usr/lib/chromium/vk_swiftshader_icd.json';

interface NodeGpu {
  readonly gpu: Host['gpu'];
  /** Destroys the device handed out last, as a driver reset would. */
  lose(): void;
}

let reason = '';

/** For beforeEach: skips the test with the reason nodeGpu() found, in words that the test report repeats. */
export const skipWithout =
  (gpu: NodeGpu | null) =>
  (context: TestContext): void => {
    if (gpu !== null) return;
    Object.assign(context.task.meta, { skipReason: reason });
    context.skip(reason);
  };

/** Null where there is no adapter. */
export async function nodeGpu(): Promise<NodeGpu | null> {
  if (process.env['VK_ICD_FILENAMES'] === undefined && existsSync(ICD)) process.env['VK_ICD_FILENAMES'] = ICD;
  const skip = (why: string): null => {
    reason = why;
    return null;
  };
  const webgpu = await import('webgpu').catch(() => null);
  if (webgpu === null) return skip('the optional package webgpu is not installed');
  const instance = webgpu.create(['backend=vulkan']);
  // The object must stay referenced: when it is collected, every device of it dies with the process.
  Object.assign(globalThis, { udcsTestGpu: instance });
  const adapter = await instance.requestAdapter();
  if (adapter === null) return skip('no Vulkan driver that Dawn accepts (on Debian: apt install chromium)');
  let last: GPUDevice | null = null;
  return {
    async gpu(wishes) {
      const fresh = await instance.requestAdapter();
      if (fresh === null || wishes.features.some((feature) => !fresh.features.has(feature as GPUFeatureName))) return null;
      last = await fresh.requestDevice({ requiredFeatures: wishes.features as GPUFeatureName[], requiredLimits: { ...wishes.limits } });
      return { device: last, software: true, versions: { webgpu: 'npm webgpu' } };
    },
    lose: () => last?.destroy(),
  };
}
