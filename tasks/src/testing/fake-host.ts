// A Host for tests: artifacts from a map, outputs and log lines kept, no GPU and no programs unless a test gives them. Not
// shipped: only test files import it.
import { createHash } from 'node:crypto';
import { type Attributes, type BlobRef, type Digest, UdcsError } from '@udcs/protocol';
import type { CancelSignal, ExecutorTask, Host, SpawnCommand, SpawnResult, TaskInput, TaskOutput } from '../kit/executor.ts';

export const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface FakeHost extends Host {
  readonly stored: Map<string, Uint8Array>;
  readonly logged: { stream: string; text: string }[];
  readonly steps: number[];
  readonly spawned: SpawnCommand[];
  /** Adds an artifact and names it. */
  add(bytes: Uint8Array): Digest;
  textOf(output: string): string;
  logText(stream: string): string;
}

export function fakeHost(options: { attributes?: Attributes; spawn?: (command: SpawnCommand) => SpawnResult; gpu?: Host['gpu'] } = {}): FakeHost {
  const artifacts = new Map<string, Uint8Array>();
  const stored = new Map<string, Uint8Array>();
  const logged: { stream: string; text: string }[] = [];
  const steps: number[] = [];
  const spawned: SpawnCommand[] = [];
  const { spawn } = options;
  return {
    side: 'native',
    attributes: options.attributes ?? { 'os.name': 'linux', arch: 'x64', libc: 'glibc', 'cpu.features': ['avx', 'avx2'] },
    stored,
    logged,
    steps,
    spawned,
    artifacts: {
      async read(digest) {
        const bytes = artifacts.get(digest);
        if (bytes === undefined) throw new UdcsError('INPUT_UNAVAILABLE', `no artifact ${digest}`);
        return bytes;
      },
    },
    outputs: {
      async put(name, bytes): Promise<BlobRef> {
        stored.set(name, bytes);
        return { digest: digestOf(bytes), sizeBytes: bytes.length };
      },
    },
    log: (stream, bytes) => void logged.push({ stream, text: typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes) }),
    progress: (fraction) => void steps.push(fraction),
    gpu: options.gpu ?? (async () => null),
    spawn:
      spawn === undefined
        ? null
        : async (command) => {
            spawned.push(command);
            return spawn(command);
          },
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    nowMs: () => performance.now(),
    add(bytes) {
      const digest = digestOf(bytes);
      artifacts.set(digest, bytes);
      return digest;
    },
    textOf: (output) => new TextDecoder().decode(stored.get(output)),
    logText: (stream) =>
      logged
        .filter((line) => line.stream === stream)
        .map((line) => line.text)
        .join(''),
  };
}

export const never: CancelSignal = { aborted: false, addEventListener: (): void => undefined };

export function taskOf<Spec>(spec: Spec, more: Partial<Omit<ExecutorTask<Spec>, 'spec'>> = {}): ExecutorTask<Spec> {
  return {
    spec,
    inputs: [],
    outputs: [],
    environment: { UDCS_JOB: 'job_test', UDCS_TASK: 'job_test.0', UDCS_INDEX: String(more.index ?? 0), UDCS_COUNT: String(more.count ?? 1), UDCS_ATTEMPT: '1' },
    index: 0,
    count: 1,
    limits: { cpus: 1, memoryBytes: 64 * 1024 * 1024, diskBytes: 16 * 1024 * 1024, executionMs: 60_000 },
    isolationMin: 'none',
    ...more,
  };
}

export const inputOf = (host: FakeHost, name: string, path: string | null, bytes: Uint8Array): TaskInput => ({
  name,
  path,
  digest: host.add(bytes),
  sizeBytes: bytes.length,
});
export const outputOf = (name: string, path: string, maxBytes = 16 * 1024 * 1024): TaskOutput => ({ name, path, maxBytes });

/** The error a promise ends with; a promise that succeeds fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<UdcsError> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof UdcsError) return thrown;
    throw new Error(`not a UdcsError: ${String(thrown)}`, { cause: thrown });
  }
  throw new Error('it succeeded, a failure was expected');
}
