// The GPU of one task Worker: one device, kept for attempts of the same code, made anew after a loss. Below a full share every
// submit is followed by a sleep, because a browser has no other way to leave the GPU to its owner.
import { toUdcsError, UdcsError } from '@udcs/protocol';
import type { HostGpu } from '@udcs/tasks/kit';
import { paceDevice } from './gpu-pace.ts';

export interface AdapterFacts {
  readonly software: boolean;
  readonly vendor: string;
  readonly architecture: string;
}

/** A fallback adapter, or SwiftShader and llvmpipe that forget to say so, is no GPU. */
export function adapterFacts(adapter: GPUAdapter): AdapterFacts {
  const { vendor, architecture } = adapter.info;
  const software =
    adapter.info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|warp|software/i.test(`${vendor} ${architecture} ${adapter.info.description}`);
  return { software, vendor, architecture };
}

/** Timers precise enough to fingerprint the donor, and experiments of one browser: never handed to a task. */
export const isWithheldFeature = (feature: string): boolean => feature.includes('timestamp') || feature.startsWith('chromium-experimental');

interface Held {
  readonly key: string;
  readonly device: GPUDevice;
  readonly facts: AdapterFacts;
}

export class Gpu {
  #held: Held | null = null;
  #lost = false;
  #share = 1;
  readonly #sleep: (ms: number) => Promise<void>;

  constructor(sleep: (ms: number) => Promise<void>) {
    this.#sleep = sleep;
  }

  /** True once a device of this Worker was lost: the Worker has to be thrown away. */
  get lost(): boolean {
    return this.#lost;
  }

  setShare(share: number): void {
    this.#share = Math.min(1, Math.max(0, share));
  }

  async open(wishes: { readonly features: readonly string[]; readonly limits: Readonly<Record<string, number>> }): Promise<HostGpu | null> {
    if (this.#share === 0 || navigator.gpu === undefined) return null;
    if (this.#lost) throw new UdcsError('DEVICE_LOST', 'the GPU device of this tab was lost');
    const withheld = wishes.features.find(isWithheldFeature);
    if (withheld !== undefined) throw new UdcsError('UNSUPPORTED', `this tab does not offer the GPU feature ${withheld}`);
    const key = JSON.stringify([[...wishes.features].sort(), Object.entries(wishes.limits).sort()]);
    if (this.#held?.key !== key) {
      this.#held?.device.destroy();
      this.#held = null;
      this.#held = await this.#request(key, wishes);
    }
    if (this.#held === null) return null;
    const { device, facts } = this.#held;
    return { device, software: facts.software, versions: { 'webgpu.vendor': facts.vendor, 'webgpu.architecture': facts.architecture } };
  }

  async #request(key: string, wishes: { readonly features: readonly string[]; readonly limits: Readonly<Record<string, number>> }): Promise<Held | null> {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) return null;
    const missing = wishes.features.find((feature) => !adapter.features.has(feature));
    if (missing !== undefined) throw new UdcsError('UNSUPPORTED', `the GPU of this tab has no ${missing}`);
    const device = await adapter
      .requestDevice({ requiredFeatures: wishes.features as GPUFeatureName[], requiredLimits: { ...wishes.limits } })
      .catch((thrown: unknown) => {
        throw toUdcsError(thrown, 'UNSUPPORTED');
      });
    const held = { key, device, facts: adapterFacts(adapter) };
    void device.lost.then((info) => {
      // Our own destroy() also settles `lost`.
      if (info.reason !== 'destroyed' || this.#held === held) this.#lost = true;
    });
    paceDevice(device, { share: () => this.#share, sleep: this.#sleep, nowMs: () => performance.now() });
    return held;
  }
}
