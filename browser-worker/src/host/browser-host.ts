// The Host of one attempt in a tab: artifacts and outputs go through the control Worker, log and progress are bounded here,
// there is no spawn. It holds no authority of its own: what the control Worker does not hand over does not exist for a task.
import { type Attributes, type BlobRef, type Digest, UdcsError } from '@udcs/protocol';
import type { ExecutorTask, Host, HostGpu } from '@udcs/tasks/kit';
import type { Gpu } from './gpu.ts';
import type { Link } from './link.ts';
import { LogTap } from './log-tap.ts';

const PROGRESS_EVERY_MS = 100;

export class BrowserHost implements Host {
  readonly side = 'browser';
  readonly spawn = null;
  readonly attributes: Attributes;
  readonly artifacts: Host['artifacts'];
  readonly outputs: Host['outputs'];
  readonly #gpu: Gpu;
  readonly #link: Link;
  readonly #tap: LogTap;
  readonly #encoder = new TextEncoder();
  #progressAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: { link: Link; gpu: Gpu; code: Map<Digest, Uint8Array>; outputs: ExecutorTask<unknown>['outputs']; attributes: Attributes }) {
    this.attributes = parts.attributes;
    this.#gpu = parts.gpu;
    this.#link = parts.link;
    this.#tap = new LogTap(
      (stream, bytes, tail) => parts.link.send({ kind: 'log', stream, bytes, tail }),
      () => performance.now(),
    );
    this.artifacts = {
      read: async (digest) => {
        const held = parts.code.get(digest);
        if (held !== undefined) return held.slice();
        return parts.link.read(digest);
      },
    };
    this.outputs = { put: (name, bytes) => this.#put(parts.outputs, name, bytes) };
  }

  log(stream: 'stdout' | 'stderr' | 'udcs', bytes: Uint8Array | string): void {
    this.#tap.write(stream, typeof bytes === 'string' ? this.#encoder.encode(bytes) : bytes);
  }

  progress(fraction: number, note?: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#progressAtMs < PROGRESS_EVERY_MS && fraction < 1) return;
    this.#progressAtMs = nowMs;
    const bounded = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
    this.#link.send({ kind: 'progress', fraction: bounded, note: note?.slice(0, 200) ?? null });
  }

  gpu(wishes: { readonly features: readonly string[]; readonly limits: Readonly<Record<string, number>> }): Promise<HostGpu | null> {
    return this.#gpu.open(wishes);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  nowMs(): number {
    return performance.now();
  }

  /** The attempt ended: send what the log held back. */
  end(): void {
    this.#tap.end();
  }

  async #put(declared: ExecutorTask<unknown>['outputs'], name: string, bytes: Uint8Array): Promise<BlobRef> {
    const output = declared.find((candidate) => candidate.name === name);
    if (output === undefined) throw new UdcsError('INTERNAL', `the task declares no output ${name}`);
    if (bytes.length > output.maxBytes) {
      throw new UdcsError('OUTPUT_LIMIT', `output ${name} has ${bytes.length} bytes, its maxBytes is ${output.maxBytes}`, {
        hint: 'raise maxBytes of this output, or write less',
      });
    }
    return this.#link.put(name, bytes);
  }
}
