// WebGPU for executors: npm `webgpu` (Dawn), an optional package. One device per set of wishes is kept and handed out again;
// a lost device is replaced. Runs only in an executor child or a throw-away probe, never in the agent: drivers crash.
import type { Host, HostGpu } from '@udcs/tasks';
import type { GpuChoice } from '../executor/frames.ts';

interface Dawn {
  create(options: string[]): GPU;
  readonly globals: Record<string, unknown>;
}

/** Dawn's instance must stay referenced, or it is collected while in use and the process dies. */
const kept: { gpu: GPU | null; adapter: GPUAdapter | null } = { gpu: null, adapter: null };
const devices = new Map<string, { device: GPUDevice; lost: boolean }>();

/** Null when the optional package is not installed or does not fit this platform. */
export async function openAdapter(): Promise<GPUAdapter | null> {
  if (kept.adapter !== null) return kept.adapter;
  const dawn = await loadDawn();
  if (dawn === null) return null;
  Object.assign(globalThis, dawn.globals);
  kept.gpu ??= dawn.create(process.platform === 'linux' ? ['backend=vulkan'] : []);
  kept.adapter = await kept.gpu.requestAdapter({ powerPreference: 'high-performance' });
  return kept.adapter;
}

async function loadDawn(): Promise<Dawn | null> {
  try {
    return (await import('webgpu')) as Dawn;
  } catch {
    return null;
  }
}

export async function openDevice(choice: GpuChoice, wishes: Parameters<Host['gpu']>[0]): Promise<HostGpu | null> {
  const key = JSON.stringify([[...wishes.features].sort(), Object.entries(wishes.limits).sort(([a], [b]) => (a < b ? -1 : 1))]);
  let entry = devices.get(key);
  if (entry === undefined || entry.lost) {
    // An adapter gives out one device only; a second one needs a fresh adapter.
    kept.adapter = null;
    const adapter = await openAdapter();
    if (adapter === null) return null;
    const device = await adapter.requestDevice({ requiredFeatures: wishes.features as GPUFeatureName[], requiredLimits: { ...wishes.limits } });
    const opened = { device, lost: false };
    void device.lost.then(() => {
      opened.lost = true;
    });
    devices.set(key, opened);
    entry = opened;
  }
  return {
    device: entry.device,
    software: choice.software,
    versions: { webgpu: 'dawn', adapter: `${choice.vendor} ${choice.architecture} ${choice.description}`.trim().slice(0, 200) },
  };
}
