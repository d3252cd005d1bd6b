// One executor child as the supervisor sees it: start, hand over one attempt at a time, notice its end. Who gets which child,
// and when it is thrown away, is the pool's business.
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, mkdirSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, type TaskTypeName, UdcsError } from '@udcs/protocol';
import type { ExecutorTask } from '@udcs/tasks';
import type { ControlGroup } from '../sandbox/cgroup.ts';
import { killLaunched, launch, type Sandbox } from '../sandbox/sandbox.ts';
import { childEntry, codeFolders } from './code-folders.ts';
import { type ChildSetup, encodeFrame, FrameReader, type FromChild, type GpuChoice, type Outputs, type ToChild, WATCH_PARENT } from './frames.ts';

/** Heap of the child's own JavaScript; a module's linear memory is not part of it. */
const HEAP_MIB = 512;
/** What Node itself and a software GPU driver need beside the task's memory. */
const CHILD_BASE_BYTES = 384 * 1024 * 1024;
const CHILD_PROCESSES = 256;
/** Files of earlier attempts of the same job that may stay for the next one. */
const LINKS_MAX = 32;
const STDERR_KEPT_BYTES = 4_000;

export interface ChildEvents {
  onLog(stream: 'stdout' | 'stderr' | 'udcs', bytes: Buffer): void;
  onProgress(fraction: number, note: string | undefined): void;
}

export type ChildEnd = Extract<FromChild, { kind: 'done' | 'failed' }>;

export interface ChildOptions {
  readonly sandbox: Sandbox;
  /** A folder of its own; removed with the child. */
  readonly folder: string;
  readonly attributes: ChildSetup['attributes'];
  readonly gpu: GpuChoice | null;
}

export class ExecutorChild {
  readonly withGpu: boolean;
  /** Owner, job and code of the attempts it may take; null = a warm spare that took none. */
  key: string | null = null;
  runs = 0;
  /** Resolves with a sentence when the process is gone. */
  readonly gone: Promise<string>;
  readonly #inDir: string;
  readonly #outDir: string;
  readonly #folder: string;
  readonly #group: ControlGroup | null;
  readonly #process: ChildProcess;
  readonly #linked = new Set<string>();
  #stderr = '';
  #exited = false;
  #killsAtExit = 0;
  #nextId = 1;
  #memoryBytes = -1;
  #current: { id: number; events: ChildEvents; settle: (end: FromChild) => void } | null = null;

  constructor(options: ChildOptions) {
    this.withGpu = options.gpu !== null;
    this.#folder = options.folder;
    this.#inDir = join(options.folder, 'in');
    this.#outDir = join(options.folder, 'out');
    mkdirSync(this.#inDir, { recursive: true });
    mkdirSync(this.#outDir);
    this.#group = options.sandbox.groups?.create() ?? null;
    this.#group?.setLimits({ memoryBytes: CHILD_BASE_BYTES * 2, processes: CHILD_PROCESSES, cpus: null });
    this.#process = this.#launch(options);
    this.gone = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve(this.#leave(error.message)));
      this.#process.once('exit', (code, signal) => resolve(this.#leave(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`)));
    });
    this.#send({ kind: 'setup', setup: { attributes: options.attributes, gpu: options.gpu, inDir: this.#inDir, outDir: this.#outDir } });
  }

  get idle(): boolean {
    return this.#current === null && !this.#exited;
  }

  /** How often the kernel had ended something in its group for want of memory when it ended. */
  get memoryKills(): number {
    return this.#killsAtExit;
  }

  get lastWords(): string {
    return this.#stderr.trim().split('\n').slice(-3).join(' ').slice(0, 500);
  }

  /** Written only when it changes: the kernel drains its page lists on every write, which takes milliseconds. */
  setMemory(memoryBytes: number): void {
    if (memoryBytes === this.#memoryBytes) return;
    this.#memoryBytes = memoryBytes;
    this.#group?.setLimits({ memoryBytes: memoryBytes + CHILD_BASE_BYTES, processes: CHILD_PROCESSES, cpus: null });
  }

  /**
   * Runs one attempt. Rejects never; resolves null when the process ended under it.
   * @param files artifacts by digest → path in the cache
   */
  async run(type: TaskTypeName, task: ExecutorTask<unknown>, files: ReadonlyMap<Digest, string>, events: ChildEvents): Promise<ChildEnd | null> {
    for (const [digest] of files) this.#hand(digest, files);
    const end = await this.#ask((id) => ({ kind: 'run', id, type, task }), events);
    if (this.#linked.size > LINKS_MAX) for (const name of this.#linked) this.#unlink(name);
    this.runs += 1;
    return end !== null && (end.kind === 'done' || end.kind === 'failed') ? end : null;
  }

  async check(type: TaskTypeName, events: ChildEvents): Promise<string | null> {
    const end = await this.#ask((id) => ({ kind: 'check', id, type }), events);
    if (end === null) return `its executor ${await this.gone}${this.lastWords === '' ? '' : `: ${this.lastWords}`}`;
    return end.kind === 'checked' ? end.problem : 'its executor gave no answer';
  }

  /** Takes the outputs that were too large for a frame out of the child's folder. */
  moveLarge(outputs: Outputs, folder: string): void {
    for (const blob of Object.values(outputs)) {
      if (blob.inline !== undefined) continue;
      const name = blob.digest.slice('sha256:'.length);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (existsSync(join(this.#outDir, name))) renameSync(join(this.#outDir, name), join(folder, name));
    }
  }

  kill(): void {
    killLaunched(this.#process, this.#group);
  }

  /** Kills, waits for the end, removes its folder and group. */
  async discard(): Promise<void> {
    this.kill();
    await this.gone;
    await this.#group?.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #launch(options: ChildOptions): ChildProcess {
    const gpuFolders =
      options.gpu === null
        ? []
        : [...options.gpu.folders, ...['/sys', '/usr/share/vulkan'].filter((path) => existsSync(path) && options.gpu?.software === false)];
    const watch = options.sandbox.bubblewrap === null && options.sandbox.setpriv === null ? { [WATCH_PARENT]: '1' } : {};
    const child = launch(options.sandbox, {
      program: process.execPath,
      args: [`--max-old-space-size=${HEAP_MIB}`, '--no-warnings', childEntry],
      mounts: {
        readOnly: [...codeFolders(), ...gpuFolders.filter((path) => !path.startsWith('/usr/')), this.#inDir],
        readWrite: [this.#outDir],
        devices: options.gpu === null || options.gpu.software ? [] : ['/dev/dri', '/dev/nvidia0', '/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-modeset'],
        tmpBytes: 64 * 1024 * 1024,
      },
      inside: { workingDir: '/tmp', env: { PATH: '/usr/bin:/bin', HOME: '/tmp', ...watch, ...options.gpu?.env } },
      group: this.#group,
      umask: 0o077,
      fileBytes: null,
      cpuSeconds: null,
      extraPipes: 2,
      outsideDir: options.folder,
    });
    child.stdin?.end();
    child.stdout?.resume();
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-STDERR_KEPT_BYTES);
    });
    const reader = new FrameReader<FromChild>((header, payload) => this.#receive(header, payload));
    const fromChild = child.stdio[4];
    fromChild?.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        this.kill();
      }
    });
    // A pipe to a dead child errs on write; its exit is reported by `gone`.
    for (const pipe of child.stdio) pipe?.on('error', () => {});
    return child;
  }

  #ask(message: (id: number) => ToChild, events: ChildEvents): Promise<FromChild | null> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#current = {
        id,
        events,
        settle: (end) => {
          this.#current = null;
          resolve(end);
        },
      };
      void this.gone.then(() => {
        this.#current = null;
        resolve(null);
      });
      this.#send(message(id));
    });
  }

  #receive(header: FromChild, payload: Buffer): void {
    const current = this.#current;
    if (header.kind === 'ready' || current === null || header.id !== current.id) return;
    if (header.kind === 'log') current.events.onLog(header.stream, Buffer.from(payload));
    else if (header.kind === 'progress') current.events.onProgress(header.fraction, header.note);
    else current.settle(header);
  }

  #send(message: ToChild): void {
    const pipe = this.#process.stdio[3];
    if (pipe !== null && pipe !== undefined && 'write' in pipe) pipe.write(encodeFrame(message));
  }

  /** Puts an artifact into the child's folder under its digest, unless an earlier attempt of the same job left it there. */
  #hand(digest: Digest, files: ReadonlyMap<Digest, string>): void {
    const name = digest.slice('sha256:'.length);
    const from = files.get(digest);
    if (this.#linked.has(name) || from === undefined) return;
    const to = join(this.#inDir, name);
    try {
      linkSync(from, to);
    } catch {
      try {
        copyFileSync(from, to);
      } catch (thrown) {
        throw new UdcsError('INPUT_UNAVAILABLE', `artifact ${digest} left the cache before the task began`, { cause: thrown });
      }
    }
    this.#linked.add(name);
  }

  #unlink(name: string): void {
    this.#linked.delete(name);
    try {
      unlinkSync(join(this.#inDir, name));
    } catch {
      // removed with the child's folder
    }
  }

  #leave(how: string): string {
    this.#exited = true;
    // Read now: the group is removed soon after.
    this.#killsAtExit = this.#group?.usage().memoryKills ?? 0;
    return how;
  }
}
