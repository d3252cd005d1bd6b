// What this machine is, as far as a tab may know and a stranger should: coarse facts from an allow-list, never a device string
// or a full version (reliability.md T4). Nothing here measures; see probe.ts.
import type { Attributes, Capabilities, TaskTypeName } from '@udcs/protocol';
import { adapterFacts, isWithheldFeature } from '../host/gpu.ts';
import type { DonationLimits } from '../page/state.ts';

export const SOFTWARE = 'udcs-browser/0.1.0';

interface UserAgentData {
  readonly platform: string;
  readonly brands: readonly { readonly brand: string; readonly version: string }[];
}

const OS_NAMES: readonly (readonly [RegExp, string])[] = [
  [/windows/i, 'win32'],
  [/android/i, 'android'],
  [/iphone|ipad|ios/i, 'ios'],
  [/mac/i, 'darwin'],
  [/cros|chrome ?os/i, 'chromeos'],
  [/linux|x11/i, 'linux'],
];
/** Order matters: Edge and Chrome both say Chromium, everybody says Safari. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/(?:Edg|Microsoft Edge)[/ ](\d+)/, 'edge'],
  [/(?:Firefox)\/(\d+)/, 'firefox'],
  [/(?:Google Chrome|Chrome|HeadlessChrome)[/ ](\d+)/, 'chrome'],
  [/Chromium[/ ](\d+)/, 'chromium'],
  [/Version\/(\d+).*Safari/, 'safari'],
];

export interface Machine {
  readonly osName: string;
  readonly browserName: string;
  /** Major version. */
  readonly browserVersion: string;
  readonly cpuCount: number;
  /** Rounded and capped by the browser itself. */
  readonly memoryBytes: number;
}

export function describeMachine(navigator: Navigator): Machine {
  const data = Reflect.get(navigator, 'userAgentData') as UserAgentData | undefined;
  const brands = data?.brands.map(({ brand, version }) => `${brand}/${version}`).join(' ') ?? '';
  const text = brands === '' ? navigator.userAgent : brands;
  const platform = data?.platform || navigator.userAgent;
  const browser = BROWSERS.map(([pattern, name]) => ({ name, version: pattern.exec(text)?.[1] })).find(({ version }) => version !== undefined);
  const memoryGiB = (Reflect.get(navigator, 'deviceMemory') as number | undefined) ?? 4;
  return {
    osName: OS_NAMES.find(([pattern]) => pattern.test(platform))?.[1] ?? 'unknown',
    browserName: browser?.name ?? 'unknown',
    browserVersion: browser?.version ?? '0',
    cpuCount: navigator.hardwareConcurrency,
    memoryBytes: memoryGiB * 1024 ** 3,
  };
}

/** A name for the workers list that helps its operator and says nothing about the donor. */
export const workerName = (machine: Machine): string => `${machine.browserName} ${machine.browserVersion} on ${machine.osName}`;

export interface GpuReport {
  readonly software: boolean;
  readonly vendor: string;
  readonly architecture: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** null = this browser has no WebGPU, or no adapter behind it. */
export async function lookAtGpu(): Promise<GpuReport | null> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (adapter === null || adapter === undefined) return null;
  const gpuLimits: Record<string, number> = {};
  // The limits are accessors of the prototype: Object.keys would see none.
  for (const name in adapter.limits) {
    const value = Reflect.get(adapter.limits, name);
    if (typeof value === 'number') gpuLimits[name] = value;
  }
  return { ...adapterFacts(adapter), features: [...adapter.features].filter((feature) => !isWithheldFeature(feature)).sort(), limits: gpuLimits };
}

export interface Findings {
  readonly machine: Machine;
  /** null = none, or switched off by the owner. */
  readonly gpu: GpuReport | null;
  readonly types: readonly TaskTypeName[];
  readonly speeds: Readonly<Record<string, number>>;
}

export function attributesOf({ machine, gpu, speeds }: Omit<Findings, 'types'>): Attributes {
  const attributes: Attributes = {
    kind: 'browser',
    'os.name': machine.osName,
    'browser.name': machine.browserName,
    'browser.version': machine.browserVersion,
    'cpu.count': machine.cpuCount,
    'memory.bytes': machine.memoryBytes,
    isolation: ['wasm', 'browser'],
    limits: 'enforced',
    webgpu: gpu !== null,
    ...speeds,
  };
  if (gpu === null) return attributes;
  const gpuLimits = Object.fromEntries(Object.entries(gpu.limits).map(([name, value]) => [`webgpu.limits.${name}`, value]));
  return {
    ...attributes,
    'webgpu.software': gpu.software,
    'webgpu.vendor': gpu.vendor,
    'webgpu.architecture': gpu.architecture,
    'webgpu.features': [...gpu.features],
    ...gpuLimits,
  };
}

export function capabilitiesOf(findings: Findings, limits: DonationLimits): Capabilities {
  const { gpu, types } = findings;
  const device = gpu === null ? [] : [gpu];
  return {
    types: [...types],
    untrustedTypes: [...types],
    attributes: attributesOf(findings),
    devices: device.map(({ software, vendor, architecture }) => ({
      id: 'gpu0',
      kind: software ? 'cpu' : 'gpu',
      name: `${vendor} ${architecture}`.trim() || 'unnamed',
      provenance: software ? 'software' : 'measured',
      vramBytes: 0,
    })),
    // A task's files live in memory here, so both pools are cut from the same cake.
    pools: { slots: limits.cores, cpus: limits.cores, memoryBytes: limits.memoryBytes, diskBytes: limits.memoryBytes },
  };
}
