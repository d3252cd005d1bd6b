// Entry of an executor child: reads attempts from fd 3, runs one at a time, writes what happens to fd 4. It has no network
// and no files but its own; the supervisor ends it with SIGKILL and nothing else.
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Digest, type TaskTypeName, toUdcsError, UdcsError } from '@udcs/protocol';
import { type CancelSignal, ProgramFailed } from '@udcs/tasks';
import { ExecutorHost, fileNameOf } from '../host/executor-host.ts';
import { loadExecutor } from '../host/executors.ts';
import { openDevice } from '../host/gpu.ts';
import {
  CHILD_READS_FD,
  CHILD_WRITES_FD,
  type ChildSetup,
  encodeFrame,
  type Failure,
  FrameReader,
  type FromChild,
  type ToChild,
  WATCH_PARENT,
} from './frames.ts';

/** Attempts end by SIGKILL, so nothing in a child ever hears a cancel. */
const neverCanceled: CancelSignal = { aborted: false, addEventListener: () => {} };
const LARGEST_WRITE_BYTES = 1024 * 1024;

let setup: ChildSetup | null = null;
let queue: Promise<void> = Promise.resolve();

function send(header: FromChild, payload?: Uint8Array): void {
  const frame = encodeFrame(header, payload);
  for (let at = 0; at < frame.length; ) {
    try {
      at += writeSync(CHILD_WRITES_FD, frame, at, frame.length - at);
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN')) process.exit(1);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function makeHost(id: number, outputs: ConstructorParameters<typeof ExecutorHost>[1]): ExecutorHost {
  const facts = setup;
  if (facts === null) throw new UdcsError('EXECUTOR_FAILED', 'the executor was given work before its setup');
  return new ExecutorHost(facts.attributes, outputs, {
    readArtifact: async (digest: Digest) => readInput(facts.inDir, digest),
    keepLarge: async (digest, bytes) => writeFileSync(join(facts.outDir, fileNameOf(digest)), bytes),
    log(stream, bytes) {
      for (let at = 0; at < bytes.length; at += LARGEST_WRITE_BYTES) send({ kind: 'log', id, stream }, bytes.subarray(at, at + LARGEST_WRITE_BYTES));
    },
    progress: (fraction, note) => send({ kind: 'progress', id, fraction, ...(note === undefined ? {} : { note }) }),
    gpu: (wishes) => (facts.gpu === null ? Promise.resolve(null) : openDevice(facts.gpu, wishes)),
    spawn: null,
  });
}

function readInput(folder: string, digest: Digest): Uint8Array {
  try {
    return readFileSync(join(folder, fileNameOf(digest)));
  } catch (thrown) {
    throw new UdcsError('INPUT_UNAVAILABLE', `artifact ${digest} is not among this task's inputs`, { cause: thrown });
  }
}

async function run(message: Extract<ToChild, { kind: 'run' }>): Promise<void> {
  const before = process.cpuUsage();
  const cpuMs = (): number => {
    const used = process.cpuUsage(before);
    return (used.user + used.system) / 1000;
  };
  try {
    const host = makeHost(message.id, message.task.outputs);
    const executor = await loadExecutor(message.type);
    const result = await executor.execute(message.task, host, neverCanceled);
    send({ kind: 'done', id: message.id, result, outputs: host.collected, cpuMs: cpuMs() });
  } catch (thrown) {
    send({ kind: 'failed', id: message.id, failure: failureOf(thrown), cpuMs: cpuMs() });
  }
}

function failureOf(thrown: unknown): Failure {
  const error = toUdcsError(thrown, 'EXECUTOR_FAILED');
  const message = (error.hint === undefined ? error.message : `${error.message}; ${error.hint}`).slice(0, 4_000);
  const ended = error instanceof ProgramFailed ? error : { exitCode: null, signal: null };
  return { code: error.code, message, exitCode: ended.exitCode, signal: ended.signal };
}

async function check(id: number, type: TaskTypeName): Promise<void> {
  const problem = await loadExecutor(type)
    .then((executor) => executor.selfCheck(makeHost(id, null)))
    .catch((thrown: unknown) => toUdcsError(thrown).message);
  send({ kind: 'checked', id, problem });
}

function receive(message: ToChild): void {
  if (message.kind === 'setup') setup = message.setup;
  else if (message.kind === 'run') queue = queue.then(() => run(message));
  else queue = queue.then(() => check(message.id, message.type));
}

/** Where nothing else ends a child whose worker was killed: a thread of its own, because this one may be busy for ever. */
function watchParent(): void {
  const watch = `const parent = process.ppid; setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 500);`;
  new Worker(watch, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 16 } }).unref();
}

if (process.env[WATCH_PARENT] !== undefined) watchParent();
const reader = new FrameReader<ToChild>(receive);
const socket = new Socket({ fd: CHILD_READS_FD, readable: true, writable: false });
socket.on('data', (chunk: Buffer) => reader.push(chunk));
// The worker is gone: nobody wants the result any more.
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
send({ kind: 'ready' });
