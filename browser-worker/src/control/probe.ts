// Proves on this machine what machine.ts only claims: every executor passes its own check in a real task Worker before its type
// is offered, and the micro-benchmarks run once per browser version and GPU.
import type { Attributes, TaskTypeName } from '@udcs/protocol';
import type { FromTask, ToTask } from '../task/messages.ts';
import type { Database } from './database.ts';
import { attributesOf, describeMachine, type Findings, type GpuReport, lookAtGpu, type Machine, SOFTWARE } from './machine.ts';
import { TaskThread } from './task-threads.ts';

/** MOCK is for native test workers; a donor's tab never offers it. */
const CHECKED_TYPES = ['WASM', 'WGSL_KERNEL'] as const satisfies readonly TaskTypeName[];
export const GPU_TYPES: ReadonlySet<TaskTypeName> = new Set(['WGSL_KERNEL']);

const CHECK_MS = 20_000;
const KEPT_MS = 7 * 24 * 3600 * 1000;
const SHA_BYTES = 4 * 1024 * 1024;

export interface Proof {
  readonly types: readonly TaskTypeName[];
  /** Why the others are not offered, one sentence each. */
  readonly notOffered: Readonly<Record<string, string>>;
}

/** Looks at the machine, proves the executors, measures once. `gpuOff` = the owner's switch, or a driver that keeps failing. */
export async function discover(database: Database, taskUrl: string, gpuOff: boolean): Promise<{ findings: Findings; proof: Proof }> {
  const machine = describeMachine(navigator);
  const gpu = gpuOff ? null : await lookAtGpu();
  const speeds = await speedsOf(database, taskUrl, machine, gpu);
  const proof = await proveTypes(taskUrl, gpuOff ? 'off' : gpu, attributesOf({ machine, gpu, speeds }));
  const gpuWorks = proof.types.some((type) => GPU_TYPES.has(type));
  return { findings: { machine, gpu: gpuWorks ? gpu : null, speeds, types: proof.types }, proof };
}

async function proveTypes(taskUrl: string, gpu: GpuReport | 'off' | null, attributes: Attributes): Promise<Proof> {
  const notOffered: Record<string, string> = {};
  const results = await Promise.all(
    CHECKED_TYPES.map(async (type) => {
      if (GPU_TYPES.has(type) && gpu === 'off') return 'The GPU is switched off in your limits.';
      if (GPU_TYPES.has(type) && gpu === null) return 'This browser has no WebGPU, or no graphics driver it trusts.';
      return ask(taskUrl, { kind: 'check', type, attributes }, (message) => (message.kind === 'checked' ? { problem: message.problem } : null)).then(
        (answer) => answer.problem,
        (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
      );
    }),
  );
  const types = CHECKED_TYPES.filter((type, at) => {
    const problem = results[at] ?? null;
    if (problem !== null) notOffered[type] = problem;
    return problem === null;
  });
  return { types, notOffered };
}

interface StoredSpeeds {
  readonly measuredAtMs: number;
  readonly speeds: Readonly<Record<string, number>>;
}

/** Measured at the first join and after a change of browser, GPU or software; else what was stored then. */
async function speedsOf(database: Database, taskUrl: string, machine: Machine, gpu: GpuReport | null): Promise<Readonly<Record<string, number>>> {
  const name = `speeds ${SOFTWARE} ${machine.browserName} ${machine.browserVersion} ${gpu === null ? 'none' : `${gpu.vendor} ${gpu.architecture}`}`;
  const stored = await database.get<StoredSpeeds>('settings', name);
  if (stored !== undefined && Date.now() - stored.measuredAtMs < KEPT_MS) return stored.speeds;
  const measured = await ask(taskUrl, { kind: 'measure', gpu: gpu !== null }, (message) => (message.kind === 'measured' ? message.speeds : null)).catch(
    () => ({}),
  );
  const speeds = { ...measured, 'speed.sha256': await measureSha256() };
  await database.put('settings', name, { measuredAtMs: Date.now(), speeds });
  return speeds;
}

/** MiB per second. */
async function measureSha256(): Promise<number> {
  const bytes = new Uint8Array(SHA_BYTES);
  const startedAtMs = performance.now();
  await crypto.subtle.digest('SHA-256', bytes);
  return Math.round(SHA_BYTES / 1024 / 1024 / ((performance.now() - startedAtMs) / 1_000));
}

async function ask<T>(taskUrl: string, question: ToTask, read: (message: FromTask) => T | null): Promise<T> {
  const thread = new TaskThread(taskUrl);
  let deadline: ReturnType<typeof setTimeout> | undefined;
  try {
    await thread.ready;
    return await new Promise<T>((resolve, reject) => {
      deadline = setTimeout(() => reject(new Error(`its self-check did not end within ${CHECK_MS / 1_000} s`)), CHECK_MS);
      thread.onBroken = (reason) => reject(new Error(reason));
      thread.onMessage = (message) => {
        const answer = read(message);
        if (answer !== null) resolve(answer);
      };
      thread.send(question);
    });
  } finally {
    clearTimeout(deadline);
    thread.terminate();
  }
}
