// Entry of the disposable task Worker: runs one attempt at a time through an executor of @udcs/tasks/browser and answers with
// fixed-shape messages. It has no connection, no key and no storage; it is ended from outside, never by itself.
import { type Attributes, type Digest, toUdcsError, UdcsError } from '@udcs/protocol';
import { browserExecutors, isBrowserTaskType } from '@udcs/tasks/browser';
import { type CancelSignal, type ExecutorModule, type ExecutorTask, ProgramFailed } from '@udcs/tasks/kit';
import * as z from 'zod/mini';
import { BrowserHost } from '../host/browser-host.ts';
import { Gpu } from '../host/gpu.ts';
import { Link } from '../host/link.ts';
import { scrub } from '../host/scrub.ts';
import { measureWasm, measureWgsl } from './measure.ts';
import type { FromTask, ToTask } from './messages.ts';

// eval is gone from this realm, and zod would only report its own attempt to compile schemas.
z.config({ jitless: true });

const realm = globalThis;
const postMessage = realm.postMessage.bind(realm);
const link = new Link((message, transfer) => postMessage(message, { transfer }));
const gpu = new Gpu((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
const code = new Map<Digest, Uint8Array>();

/** A tab cancels by terminate(); executors still get a signal because native ones need it. */
const never: CancelSignal = { aborted: false, addEventListener: () => undefined };

async function executorOf(type: string): Promise<ExecutorModule<unknown>> {
  if (!isBrowserTaskType(type)) throw new UdcsError('UNSUPPORTED', `this tab has no executor for ${type}`);
  return browserExecutors[type]();
}

function hostFor(outputs: ExecutorTask<unknown>['outputs'], attributes: Attributes): BrowserHost {
  return new BrowserHost({ link, gpu, code, outputs, attributes });
}

async function run(message: Extract<ToTask, { kind: 'run' }>): Promise<void> {
  gpu.setShare(message.gpuShare);
  for (const digest of code.keys()) if (!message.code.includes(digest)) code.delete(digest);
  for (const digest of message.code) if (!code.has(digest)) code.set(digest, await link.read(digest));
  const host = hostFor(message.task.outputs, message.attributes);
  let outcome: FromTask;
  try {
    const executor = await executorOf(message.type);
    const result = await executor.execute(message.task, host, never);
    outcome = { kind: 'done', result, deviceLost: gpu.lost };
  } catch (thrown) {
    outcome = failureOf(thrown);
  }
  host.end();
  link.send(outcome);
}

function failureOf(thrown: unknown): Extract<FromTask, { kind: 'failed' }> {
  const error =
    thrown instanceof RangeError && /memory|allocation/i.test(thrown.message)
      ? new UdcsError('OUT_OF_MEMORY', thrown.message)
      : toUdcsError(thrown, 'EXECUTOR_FAILED');
  // After a loss every GPU call fails in its own words; the loss is what happened.
  const code = gpu.lost && error.code !== 'DEVICE_LOST' ? 'DEVICE_LOST' : error.code;
  const program = thrown instanceof ProgramFailed ? { exitCode: thrown.exitCode, signal: thrown.signal } : { exitCode: null, signal: null };
  return { kind: 'failed', code, message: error.message.slice(0, 4_000), ...program, deviceLost: gpu.lost };
}

async function check(type: string, attributes: Attributes): Promise<void> {
  let problem: string | null;
  try {
    const executor = await executorOf(type);
    problem = await executor.selfCheck(hostFor([], attributes));
  } catch (thrown) {
    problem = toUdcsError(thrown).message;
  }
  link.send({ kind: 'checked', type, problem: problem?.slice(0, 4_000) ?? null });
}

async function measure(withGpu: boolean): Promise<void> {
  const wgsl = withGpu ? await measureWgsl(gpu).catch(() => null) : null;
  link.send({ kind: 'measured', speeds: { 'speed.wasm': measureWasm(), ...(wgsl === null ? {} : { 'speed.wgsl': wgsl }) } });
}

realm.addEventListener('message', (event: MessageEvent<ToTask>) => {
  const message = event.data;
  switch (message.kind) {
    case 'run':
      run(message).catch((thrown: unknown) => link.send(failureOf(thrown)));
      break;
    case 'prepare':
      executorOf(message.type).catch(() => undefined);
      break;
    case 'check':
      void check(message.type, message.attributes);
      break;
    case 'measure':
      gpu.setShare(1);
      void measure(message.gpu);
      break;
    case 'bytes':
    case 'stored':
    case 'refused':
      link.answer(message);
      break;
  }
});

scrub(realm);
link.send({ kind: 'ready' });
