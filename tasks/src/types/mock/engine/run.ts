// Does what a MOCK spec says, in a fixed order: log, steps of progress, waiting, hang, crash, failure, outputs.
import { UdcsError } from '@udcs/protocol';
import { type CancelSignal, type ExecutorModule, type ExecutorResult, type ExecutorTask, type Host, ProgramFailed } from '../../../kit/executor.ts';
import type { MockSpec } from '../task.ts';

/** 0..1, the same for the same index and attempt. */
function unitNoise(index: number, attempt: number): number {
  let mixed = Math.imul(index + 1, 0x9e37_79b9) ^ Math.imul(attempt, 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
}

async function waitUnlessCanceled(host: Host, signal: CancelSignal, ms: number): Promise<void> {
  if (signal.aborted) throw canceled();
  if (ms <= 0) return;
  await Promise.race([host.sleep(ms), new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(canceled())))]);
}

const canceled = (): UdcsError => new UdcsError('CANCELED', 'canceled while it ran');

async function hang(spec: MockSpec, host: Host, signal: CancelSignal): Promise<void> {
  if (spec.hang === 'busy') for (let spun = 0; ; spun++) if (spun < 0) return; // never: only ending the thread stops it
  while (spec.hang === 'idle') await waitUnlessCanceled(host, signal, 60_000);
}

function failureOf(spec: MockSpec, index: number, attempt: number): UdcsError | null {
  if (spec.failWith === undefined && spec.failTimes === undefined) return null;
  if (spec.failOnIndex !== undefined && spec.failOnIndex !== index) return null;
  if (spec.failTimes !== undefined && attempt > spec.failTimes) return null;
  const message = `MOCK was told to fail (index ${index}, attempt ${attempt})`;
  return spec.failWith === 'EXIT_CODE' ? new ProgramFailed('EXIT_CODE', message, { exitCode: 1 }) : new UdcsError(spec.failWith ?? 'EXECUTOR_FAILED', message);
}

function pattern(bytes: number, index: number): Uint8Array {
  const filled = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at++) filled[at] = (at * 31 + index) & 0xff;
  return filled;
}

/** @param crash ends the thread or process this runs in, at once */
export async function runMock(task: ExecutorTask<MockSpec>, host: Host, signal: CancelSignal, crash: () => void): Promise<ExecutorResult> {
  const { spec, index } = task;
  const attempt = Number(task.environment['UDCS_ATTEMPT'] ?? '1');
  for (let line = 0; line < spec.logLines; line++) host.log('stdout', `mock ${index} line ${line + 1} of ${spec.logLines}\n`);
  const runMs = spec.runMs + spec.jitterMs * unitNoise(index, attempt);
  const steps = Math.max(1, spec.progressSteps);
  for (let step = 0; step < steps; step++) {
    await waitUnlessCanceled(host, signal, runMs / steps);
    if (spec.progressSteps > 0) host.progress((step + 1) / steps, `step ${step + 1} of ${steps}`);
  }
  await hang(spec, host, signal);
  if (spec.crash) crash();
  const failure = failureOf(spec, index, attempt);
  if (failure !== null) throw failure;
  for (const output of task.outputs) await host.outputs.put(output.name, pattern(spec.outputBytes, index));
  return { value: spec.value === undefined ? index : spec.value, exitCode: null };
}

export const mockExecutor = (crash: () => void): ExecutorModule<MockSpec> => ({
  execute: (task, host, signal) => runMock(task, host, signal, crash),
  selfCheck: async () => null,
});
