// Runs one WASM task: inputs become files, the program runs to its end on this thread, declared paths become outputs. Nothing
// here can stop an endless loop; the host does that by ending the thread or process that runs it.
import { type Fd, type WASI, WASIProcExit } from '@bjorn3/browser_wasi_shim';
import { UdcsError } from '@udcs/protocol';
import { type CancelSignal, type ExecutorResult, type ExecutorTask, type Host, ProgramFailed, type TaskOutput } from '../../../kit/executor.ts';
import type { WasmSpec } from '../task.ts';
import { callExport } from './call-export.ts';
import { type GatedModule, gatedModule } from './compile.ts';
import { openForReading, preopened, Quota, TaskDirectory } from './files.ts';
import { wasiFor } from './imports.ts';
import { moduleInvalid } from './leb128.ts';
import { StreamFd } from './streams.ts';

const VERSIONS = { wasi: 'preview1 browser_wasi_shim 0.4.2' } as const;

/** All this executor touches. */
export type WasmHost = Pick<Host, 'artifacts' | 'outputs' | 'log'>;

/** What is set up around one instance. */
interface World {
  readonly root: TaskDirectory;
  readonly quota: Quota;
  readonly stdout: StreamFd;
  readonly stderr: StreamFd;
  readonly fds: Fd[];
}

interface Instance {
  readonly exports: WebAssembly.Exports;
  readonly memory: WebAssembly.Memory | null;
  readonly shim: WASI;
}

const outputAt = (task: ExecutorTask<WasmSpec>, path: string): TaskOutput | null => task.outputs.find((output) => output.path === path) ?? null;

async function buildWorld(task: ExecutorTask<WasmSpec>, host: WasmHost): Promise<World> {
  const quota = new Quota(task.limits.diskBytes);
  const root = new TaskDirectory(quota);
  let stdin: Uint8Array = new TextEncoder().encode(task.spec.stdin ?? '');
  for (const input of task.inputs) {
    if (input.path === null) continue;
    const bytes = await host.artifacts.read(input.digest);
    if (input.path === '/dev/stdin') stdin = bytes;
    else root.place(input.path, bytes);
  }
  for (const output of task.outputs) if (!output.path.startsWith('/')) root.makeFolders(output.path.split('/').slice(0, -1), output.path);
  const stdout = new StreamFd('stdout', outputAt(task, '/dev/stdout'), host, 1n);
  const stderr = new StreamFd('stderr', outputAt(task, '/dev/stderr'), host, 1n);
  // "/" serves absolute paths, "." relative ones: C libraries differ in which of the two they look for.
  return { root, quota, stdout, stderr, fds: [openForReading(quota, stdin), stdout, stderr, preopened('/', root), preopened('.', root)] };
}

async function instantiate(task: ExecutorTask<WasmSpec>, gated: GatedModule, world: World): Promise<Instance> {
  let memory: WebAssembly.Memory | null = null;
  const shim = wasiFor(task, world.fds, () => {
    if (memory === null) throw moduleInvalid('the module has no memory, so it can not call WASI');
    return memory;
  });
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {
    wasi_snapshot_preview1: shim.wasiImport as Record<string, WebAssembly.ImportValue>,
  };
  if (gated.memoryImport !== null) {
    memory = new WebAssembly.Memory({ initial: gated.memory.minPages, maximum: gated.memory.maxPages });
    imports[gated.memoryImport.module] = { ...imports[gated.memoryImport.module], [gated.memoryImport.name]: memory };
  }
  const instance = await instantiateOrSay(gated.module, imports);
  const exported = instance.exports['memory'];
  if (memory === null && exported instanceof WebAssembly.Memory) memory = exported;
  // The shim reads the memory through the instance it is told of; start() would set this, but not for an imported memory.
  if (memory !== null) shim.inst = { exports: { memory } };
  return { exports: instance.exports, memory, shim };
}

async function instantiateOrSay(module: WebAssembly.Module, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  try {
    return await WebAssembly.instantiate(module, imports);
  } catch (thrown) {
    if (thrown instanceof WebAssembly.LinkError) throw moduleInvalid(`the module can not be linked: ${thrown.message.replace(/^WebAssembly\.\w+\(\): /, '')}`);
    if (thrown instanceof RangeError) throw new UdcsError('OUT_OF_MEMORY', `no memory for the module: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}

/** Runs `_start` and returns the exit code. */
function runCommand(instance: Instance): number {
  const start = instance.exports['_start'];
  if (typeof start !== 'function') {
    throw moduleInvalid('the module exports no _start function', 'build a command (not a library), or name an exported function in entryPoint');
  }
  try {
    start();
    return 0;
  } catch (thrown) {
    if (thrown instanceof WASIProcExit) return thrown.code;
    throw thrown;
  }
}

/** Turns whatever the guest's end threw into one of our errors. */
function crashOf(thrown: unknown, world: World): UdcsError {
  const limited = world.stdout.failure ?? world.stderr.failure;
  if (limited !== null) return limited;
  if (thrown instanceof UdcsError) return thrown;
  if (thrown instanceof WASIProcExit) return new ProgramFailed('EXIT_CODE', `the program exited with code ${thrown.code}`, { exitCode: thrown.code });
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof WebAssembly.RuntimeError) return new ProgramFailed('CRASHED', `the program trapped: ${message}`, { cause: thrown });
  if (thrown instanceof RangeError && message.includes('call stack'))
    return new ProgramFailed('CRASHED', 'the program overflowed its stack', { cause: thrown });
  if (thrown instanceof RangeError)
    return new ProgramFailed('CRASHED', `the program gave a system call a pointer outside its memory: ${message}`, { cause: thrown });
  return new ProgramFailed('CRASHED', `the program ended with an exception: ${message}`, { cause: thrown });
}

/** A program that ended badly after it met a limit is told about the limit: its own exit code rarely says it. */
function limitMet(failure: UdcsError, world: World, gated: GatedModule, instance: Instance, task: ExecutorTask<WasmSpec>): UdcsError {
  if (failure.code !== 'EXIT_CODE' && failure.code !== 'CRASHED') return failure;
  const exitCode = failure instanceof ProgramFailed ? failure.exitCode : null;
  if (world.quota.wasFull) {
    return new ProgramFailed('DISK_LIMIT', `${failure.message}, after its files reached resources.diskBytes (${task.limits.diskBytes} bytes)`, {
      exitCode,
      hint: 'raise resources.diskBytes, or write less',
    });
  }
  const pages = (instance.memory?.buffer.byteLength ?? 0) / 65_536;
  if (pages > 0 && pages >= gated.memory.maxPages - Math.max(1, gated.memory.maxPages / 8)) {
    return new ProgramFailed('MEMORY_LIMIT', `${failure.message}, with ${pages} of the ${gated.memory.maxPages} memory pages (64 KiB each) it may have`, {
      exitCode,
      hint: 'raise resources.memoryBytes (or memory.maxBytes of the spec)',
    });
  }
  return failure;
}

async function collectOutputs(task: ExecutorTask<WasmSpec>, host: WasmHost, world: World): Promise<void> {
  for (const output of task.outputs) {
    const bytes = output.path === '/dev/stdout' ? world.stdout.kept() : output.path === '/dev/stderr' ? world.stderr.kept() : world.root.find(output.path);
    if (bytes === null) throw new UdcsError('OUTPUT_MISSING', `the program did not write "${output.path}", the output "${output.name}"`);
    if (bytes.length > output.maxBytes)
      throw new UdcsError('OUTPUT_LIMIT', `the output "${output.name}" has ${bytes.length} bytes, its maxBytes is ${output.maxBytes}`);
    await host.outputs.put(output.name, bytes);
  }
}

/** @throws UdcsError as the table says; ProgramFailed carries the exit code */
export async function runWasm(task: ExecutorTask<WasmSpec>, host: WasmHost, signal: CancelSignal): Promise<ExecutorResult> {
  const gated = await gatedModule(task.spec, task.limits.memoryBytes, host);
  const world = await buildWorld(task, host);
  const instance = await instantiate(task, gated, world);
  if (signal.aborted) throw new UdcsError('CANCELED', 'canceled before it started');
  let ended: { exitCode: number | null; value?: unknown };
  try {
    ended = task.spec.entryPoint === '_start' ? { exitCode: runCommand(instance) } : { exitCode: null, value: callExport(instance.exports, task.spec) };
    if (ended.exitCode !== null && !task.spec.successExitCodes.includes(ended.exitCode))
      throw new ProgramFailed('EXIT_CODE', `the program exited with code ${ended.exitCode}`, { exitCode: ended.exitCode });
  } catch (thrown) {
    throw limitMet(crashOf(thrown, world), world, gated, instance, task);
  }
  const limited = world.stdout.failure ?? world.stderr.failure;
  if (limited !== null) throw limited;
  await collectOutputs(task, host, world);
  return { ...ended, usage: { ...(instance.memory === null ? {} : { peakMemoryBytes: instance.memory.buffer.byteLength }), versions: VERSIONS } };
}
