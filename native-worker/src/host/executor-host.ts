// The effects an executor is given on the native side. One class for both places where executors run: the sandboxed child
// (WASM, WGSL_KERNEL) and the agent itself (types whose untrusted part runs under `spawn`). It decides nothing about isolation.
import { createHash } from 'node:crypto';
import { type Attributes, type BlobRef, type Digest, limits, UdcsError } from '@udcs/protocol';
import type { Host, HostGpu, SpawnCommand, SpawnResult, TaskOutput } from '@udcs/tasks';

/** Where the effects go; the child and the agent differ only here. */
export interface HostSinks {
  readArtifact(digest: Digest): Promise<Uint8Array>;
  /** Keeps an output that is too large to travel inline until it is uploaded. */
  keepLarge(digest: Digest, bytes: Uint8Array): Promise<void>;
  log(stream: 'stdout' | 'stderr' | 'udcs', bytes: Uint8Array): void;
  progress(fraction: number, note: string | undefined): void;
  gpu(wishes: Parameters<Host['gpu']>[0]): Promise<HostGpu | null>;
  readonly spawn: ((command: SpawnCommand) => Promise<SpawnResult>) | null;
}

export class ExecutorHost implements Host {
  readonly side = 'native';
  readonly attributes: Attributes;
  readonly artifacts: Host['artifacts'];
  readonly outputs: Host['outputs'];
  readonly spawn: Host['spawn'];
  /** What was put so far, by output name. */
  readonly collected: Record<string, BlobRef> = {};
  readonly #declared: ReadonlyMap<string, TaskOutput> | null;
  readonly #sinks: HostSinks;

  /** @param declared outputs of the task; null for a self-check, which may put what it likes */
  constructor(attributes: Attributes, declared: readonly TaskOutput[] | null, sinks: HostSinks) {
    this.attributes = attributes;
    this.#declared = declared === null ? null : new Map(declared.map((output) => [output.name, output]));
    this.#sinks = sinks;
    this.artifacts = { read: (digest) => sinks.readArtifact(digest) };
    this.outputs = { put: (name, bytes) => this.#put(name, bytes) };
    const { spawn } = sinks;
    this.spawn = spawn === null ? null : (command) => this.#spawnAndCollect(spawn, command);
  }

  log(stream: 'stdout' | 'stderr' | 'udcs', bytes: Uint8Array | string): void {
    this.#sinks.log(stream, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  progress(fraction: number, note?: string): void {
    const inRange = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
    this.#sinks.progress(inRange, note?.slice(0, 200));
  }

  gpu(wishes: Parameters<Host['gpu']>[0]): Promise<HostGpu | null> {
    return this.#sinks.gpu(wishes);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  nowMs(): number {
    return performance.now();
  }

  async #put(name: string, bytes: Uint8Array): Promise<BlobRef> {
    const declared = this.#declared === null ? { maxBytes: limits.inlineOutputBytes } : this.#declared.get(name);
    if (declared === undefined) throw new UdcsError('INTERNAL', `the executor made an output "${name}" that the job does not declare`);
    if (bytes.length > declared.maxBytes) {
      throw new UdcsError('OUTPUT_LIMIT', `output "${name}" has ${bytes.length} bytes, its maxBytes is ${declared.maxBytes}`, {
        hint: 'raise maxBytes of the output',
      });
    }
    const blob = blobOf(bytes);
    if (blob.inline === undefined) await this.#sinks.keepLarge(blob.digest, bytes);
    this.collected[name] = blob;
    return blob;
  }

  async #spawnAndCollect(spawn: NonNullable<HostSinks['spawn']>, command: SpawnCommand): Promise<SpawnResult> {
    const result = await spawn(command);
    Object.assign(this.collected, result.outputs);
    return result;
  }
}

/** Names bytes by their digest, with the bytes themselves when they may travel inline. */
export function blobOf(bytes: Uint8Array): BlobRef {
  const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const blob = { digest, sizeBytes: bytes.length };
  return bytes.length > limits.inlineOutputBytes ? blob : { ...blob, inline: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
}

/** File name of an artifact: its digest without the prefix. */
export const fileNameOf = (digest: Digest): string => digest.slice('sha256:'.length);
