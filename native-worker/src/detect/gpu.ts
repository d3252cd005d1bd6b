// Looks for a WebGPU adapter: the machine's own drivers first, a software driver if there is none. A software adapter is
// always marked as such; it is never called a GPU. Each try runs in a process of its own with a time limit.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Attributes, Device } from '@udcs/protocol';
import { gpuProbeEntry } from '../executor/code-folders.ts';
import type { GpuChoice } from '../executor/frames.ts';
import { findSoftwareDriver } from './software-driver.ts';

export interface GpuProbe {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** Million f32 multiply-adds per second. */
  readonly speedWgsl: number;
}

export interface FoundGpu {
  readonly choice: GpuChoice;
  readonly attributes: Attributes;
  readonly devices: readonly Device[];
  readonly speedWgsl: number;
}

const PROBE_MS = 15_000;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|warp|basic render/i;

/**
 * The adapter, or why there is none.
 * @param stateDir where a packed software driver may be unpacked
 */
export async function findGpu(stateDir: string): Promise<FoundGpu | { readonly none: string }> {
  try {
    createRequire(import.meta.url).resolve('webgpu');
  } catch {
    return { none: 'the optional package "webgpu" is not installed or does not fit this platform' };
  }
  const own = await probeWith({});
  if (own !== null && !isSoftware(own)) return describe(own, {}, [], false);
  const driver = findSoftwareDriver(stateDir);
  if (driver !== null) {
    const soft = await probeWith(driver.env);
    if (soft !== null) return describe(soft, driver.env, [driver.folder], true);
  }
  if (own !== null) return describe(own, {}, [], true);
  return {
    none:
      driver === null
        ? 'no Vulkan driver was found (no GPU driver, no SwiftShader of an installed Chromium)'
        : 'the drivers that were found offer no WebGPU adapter',
  };
}

const isSoftware = (probe: GpuProbe): boolean => SOFTWARE.test(`${probe.vendor} ${probe.architecture} ${probe.description}`);

function probeWith(env: Readonly<Record<string, string>>): Promise<GpuProbe | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--no-warnings', gpuProbeEntry], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), PROBE_MS);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    child.once('error', () => resolve(null));
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? readProbe(said) : null);
    });
  });
}

function readProbe(said: string): GpuProbe | null {
  try {
    const parsed: unknown = JSON.parse(said);
    return typeof parsed === 'object' && parsed !== null && 'speedWgsl' in parsed ? (parsed as GpuProbe) : null;
  } catch {
    return null;
  }
}

function describe(probe: GpuProbe, env: Readonly<Record<string, string>>, folders: readonly string[], software: boolean): FoundGpu {
  const { vendor, architecture, description } = probe;
  const limits = Object.fromEntries(Object.entries(probe.limits).map(([name, value]) => [`webgpu.limits.${name}`, value]));
  const name = (description || `${vendor} ${architecture}`.trim() || 'WebGPU adapter').slice(0, 200);
  return {
    choice: { env, software, vendor, architecture, description, folders },
    attributes: {
      webgpu: true,
      'webgpu.software': software,
      'webgpu.vendor': vendor.slice(0, 200),
      'webgpu.architecture': architecture.slice(0, 200),
      'webgpu.features': [...probe.features],
      ...limits,
    },
    devices: [{ id: 'webgpu0', kind: software ? 'cpu' : 'gpu', name, provenance: software ? 'software' : 'measured', vramBytes: 0 }],
    speedWgsl: probe.speedWgsl,
  };
}
