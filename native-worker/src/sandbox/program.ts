// Runs one native program for `Host.spawn`: its own folder, no shell, no network inside the sandbox, every limit enforced and
// named when it strikes. It does not choose what may run: the policy gate did that before.
import type { ChildProcess } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BlobRef, type Digest, type ErrorCode, UdcsError } from '@udcs/protocol';
import type { CancelSignal, ExecutorTask, SpawnCommand, SpawnResult, TaskOutput } from '@udcs/tasks';
import type { ControlGroup } from './cgroup.ts';
import { killLaunched, launch, type Sandbox } from './sandbox.ts';
import { CappedFile, collectOutput, keepFile, overQuota, placeExecutable, placeFile } from './scratch.ts';

/** Processes and threads one program may have. */
const PROCESSES_MAX = 256;
/** What a program may print beside its declared outputs. */
export const PRINTED_MAX_BYTES = 16 * 1024 * 1024;
const WATCH_MS = 100;
const TMP_BYTES = 64 * 1024 * 1024;
const INSIDE = { work: '/work', program: '/app/program' };

export interface ProgramRequest {
  readonly command: SpawnCommand;
  readonly limits: ExecutorTask<unknown>['limits'];
  readonly sandbox: Sandbox;
  /** A folder of its own; removed afterwards. */
  readonly folder: string;
  readonly keepDir: string;
  fileOf(digest: Digest): Promise<string>;
  onPrint(stream: 'stdout' | 'stderr' | 'udcs', bytes: Buffer): void;
  /** Resolves when the attempt is to end now. */
  readonly stop: CancelSignal;
}

interface Verdict {
  readonly code: ErrorCode;
  readonly message: string;
}

export async function runProgram(request: ProgramRequest): Promise<SpawnResult> {
  const { folder, sandbox } = request;
  const work = join(folder, 'work');
  const group = sandbox.groups?.create() ?? null;
  try {
    await mkdir(work, { recursive: true, mode: 0o700 });
    await placeExecutable(await request.fileOf(request.command.executable), join(folder, 'program'), request.command.executable);
    for (const file of request.command.files) await placeFile(work, file.path, await request.fileOf(file.digest));
    await prepareFolders(work, request.command);
    group?.setLimits({ memoryBytes: request.limits.memoryBytes, processes: PROCESSES_MAX, cpus: request.limits.cpus > 0 ? request.limits.cpus : null });
    return await new Program(request, work, group).run();
  } finally {
    group?.kill();
    await group?.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function prepareFolders(work: string, command: SpawnCommand): Promise<void> {
  await mkdir(join(work, command.workingDir), { recursive: true });
  for (const output of command.outputs) if (!output.path.startsWith('/dev/')) await mkdir(join(work, output.path, '..'), { recursive: true });
}

class Program {
  readonly #request: ProgramRequest;
  readonly #work: string;
  readonly #group: ControlGroup | null;
  readonly #captures: ReadonlyMap<'stdout' | 'stderr', { output: TaskOutput; file: CappedFile }>;
  readonly #binary = new Set<'stdout' | 'stderr'>();
  #child: ChildProcess | null = null;
  #verdict: Verdict | null = null;
  #printedBytes = 0;
  /** Resource counts as last seen: the group is empty when the program is gone, but its counters stay. */
  #ended = false;

  constructor(request: ProgramRequest, work: string, group: ControlGroup | null) {
    this.#request = request;
    this.#work = work;
    this.#group = group;
    const captures = new Map<'stdout' | 'stderr', { output: TaskOutput; file: CappedFile }>();
    for (const stream of ['stdout', 'stderr'] as const) {
      const output = request.command.outputs.find((one) => one.path === `/dev/${stream}`);
      if (output !== undefined) captures.set(stream, { output, file: new CappedFile(join(request.folder, stream), output.maxBytes) });
    }
    this.#captures = captures;
  }

  async run(): Promise<SpawnResult> {
    const child = this.#start();
    this.#child = child;
    const { executionMs } = this.#request.limits;
    const wall = setTimeout(() => this.#strike('TIMEOUT', `ran longer than timeouts.executionMs (${executionMs} ms)`), executionMs);
    this.#request.stop.addEventListener('abort', () => killLaunched(child, this.#group));
    const watching = this.#watch();
    try {
      const [exitCode, signal] = await ended(child);
      this.#ended = true;
      await watching;
      return await this.#result(exitCode, signal);
    } finally {
      this.#ended = true;
      clearTimeout(wall);
      for (const { file } of this.#captures.values()) await file.close();
    }
  }

  #start(): ChildProcess {
    const { command, limits, sandbox, folder } = this.#request;
    const insideDir = (base: string): string => (command.workingDir === '.' ? base : join(base, command.workingDir));
    const contained = sandbox.bubblewrap !== null;
    const env = { PATH: '/usr/bin:/bin', HOME: contained ? INSIDE.work : this.#work, TMPDIR: contained ? '/tmp' : this.#work, LANG: 'C.UTF-8', ...command.env };
    const child = launch(sandbox, {
      program: contained ? INSIDE.program : join(folder, 'program'),
      args: command.args,
      mounts: {
        readOnly: [],
        readOnlyAt: [[join(folder, 'program'), INSIDE.program]],
        readWrite: [],
        readWriteAt: [[this.#work, INSIDE.work]],
        devices: [],
        tmpBytes: Math.min(TMP_BYTES, Math.max(1024 * 1024, limits.diskBytes)),
      },
      inside: { workingDir: insideDir(INSIDE.work), env },
      group: this.#group,
      umask: command.umask,
      fileBytes: limits.diskBytes,
      cpuSeconds: Math.ceil((limits.executionMs / 1000) * Math.max(1, limits.cpus)) + 1,
      extraPipes: 0,
      outsideDir: insideDir(this.#work),
    });
    for (const stream of ['stdout', 'stderr'] as const) child[stream]?.on('data', (chunk: Buffer) => this.#printed(stream, chunk));
    // A program that does not read its input closes the pipe; that is its right.
    child.stdin?.on('error', () => {});
    child.stdin?.end(command.stdin ?? undefined);
    return child;
  }

  #printed(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const capture = this.#captures.get(stream);
    if (capture !== undefined) {
      if (!capture.file.write(chunk))
        this.#strike('OUTPUT_LIMIT', `output "${capture.output.name}" (${stream}) is larger than its maxBytes (${capture.output.maxBytes})`);
      else this.#logCaptured(stream, capture.output.name, chunk);
      return;
    }
    this.#printedBytes += chunk.length;
    if (this.#printedBytes > PRINTED_MAX_BYTES)
      this.#strike('OUTPUT_LIMIT', `printed more than ${PRINTED_MAX_BYTES} bytes; declare an output with path /dev/${stream} to keep more`);
    else this.#request.onPrint(stream, chunk);
  }

  /** Kept streams are in the log too, live and when the program fails and keeps no outputs; one that is no text leaves it alone. */
  #logCaptured(stream: 'stdout' | 'stderr', output: string, chunk: Buffer): void {
    if (this.#binary.has(stream)) return;
    const isBinary = looksBinary(chunk);
    if (isBinary) this.#binary.add(stream);
    if (!isBinary) this.#request.onPrint(stream, chunk);
    else this.#request.onPrint('udcs', Buffer.from(`${stream} is binary: it is kept in the output "${output}" and left out of the log\n`));
  }

  /** What the kernel does not end by itself: a full folder, refused forks. */
  async #watch(): Promise<void> {
    while (!this.#ended && this.#verdict === null) {
      await new Promise((resolve) => setTimeout(resolve, this.#ended ? 0 : WATCH_MS));
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    if (this.#verdict !== null) return;
    const used = this.#group?.usage();
    if (used !== undefined && used.processRefusals > 0) this.#strike('PROCESS_LIMIT', `started more than ${PROCESSES_MAX} processes`);
    else if (used !== undefined && used.memoryKills > 0)
      this.#strike('MEMORY_LIMIT', `needed more memory than resources.memoryBytes (${this.#request.limits.memoryBytes} bytes)`);
    else {
      const why = await overQuota(this.#work, this.#request.limits.diskBytes);
      if (why !== null) this.#strike('DISK_LIMIT', why);
    }
  }

  #strike(code: ErrorCode, message: string): void {
    this.#verdict ??= { code, message };
    if (this.#child !== null) killLaunched(this.#child, this.#group);
  }

  async #result(exitCode: number | null, signal: string | null): Promise<SpawnResult> {
    await this.#look();
    const usage = this.#group?.usage() ?? null;
    const ending = sortOut(exitCode, signal);
    this.#verdict ??= this.#limitOf(ending);
    const outputs = this.#verdict === null ? await this.#collect() : {};
    return { ...ending, limit: this.#verdict, outputs, cpuMs: usage?.cpuMs ?? null, peakMemoryBytes: usage?.peakMemoryBytes ?? null };
  }

  #limitOf(ending: { exitCode: number | null; signal: string | null }): Verdict | null {
    const { limits } = this.#request;
    if (ending.signal === 'SIGXFSZ') return { code: 'DISK_LIMIT', message: `wrote a file larger than resources.diskBytes (${limits.diskBytes} bytes)` };
    if (ending.signal === 'SIGXCPU') return { code: 'TIMEOUT', message: `used more CPU time than timeouts.executionMs (${limits.executionMs} ms) allows` };
    return null;
  }

  async #collect(): Promise<Record<string, BlobRef>> {
    const outputs: Record<string, BlobRef> = {};
    for (const output of this.#request.command.outputs) {
      const capture = [...this.#captures.values()].find((one) => one.output.name === output.name);
      if (capture !== undefined) {
        await capture.file.close();
        outputs[output.name] = await keepFile(capture.file.path, capture.file.bytes, this.#request.keepDir);
        continue;
      }
      const blob = await collectOutput(this.#work, output, this.#request.keepDir);
      if (blob !== null) outputs[output.name] = blob;
    }
    return outputs;
  }
}

const ended = (child: ChildProcess): Promise<[number | null, string | null]> =>
  new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new UdcsError('EXECUTOR_FAILED', `the program could not be started: ${cause.message}`, { cause })));
    child.once('close', (exitCode, signal) => resolve([exitCode, signal]));
  });

/** bubblewrap and shells report a death by signal as 128 + its number. */
const SIGNALS: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};

function sortOut(exitCode: number | null, signal: string | null): { exitCode: number | null; signal: string | null } {
  const inner = exitCode === null ? undefined : SIGNALS[exitCode - 128];
  return inner === undefined ? { exitCode, signal } : { exitCode: null, signal: inner };
}

/** Control characters that no text file holds (tab, line feed, carriage return, form feed, escape are text). */
const looksBinary = (chunk: Buffer): boolean =>
  chunk.subarray(0, 512).some((byte) => byte < 9 || byte === 11 || (byte > 13 && byte < 27) || (byte > 27 && byte < 32));
