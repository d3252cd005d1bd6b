// What a module may import: the preview 1 calls listed here and, if it asks for one, its memory. Everything comes from the
// WASI shim except the calls that would differ between workers (clock, randomness, sleep) or that the shim gets wrong.
import { type Fd, WASI, wasi } from '@bjorn3/browser_wasi_shim';
import type { ExecutorTask } from '../../../kit/executor.ts';
import type { WasmSpec } from '../task.ts';
import { moduleInvalid } from './leb128.ts';

const WASI_MODULE = 'wasi_snapshot_preview1';

const ALLOWED = new Set([
  'args_get',
  'args_sizes_get',
  'environ_get',
  'environ_sizes_get',
  'clock_res_get',
  'clock_time_get',
  'random_get',
  'sched_yield',
  'poll_oneoff',
  'proc_exit',
  'fd_advise',
  'fd_allocate',
  'fd_close',
  'fd_datasync',
  'fd_fdstat_get',
  'fd_fdstat_set_flags',
  'fd_fdstat_set_rights',
  'fd_filestat_get',
  'fd_filestat_set_size',
  'fd_filestat_set_times',
  'fd_pread',
  'fd_prestat_get',
  'fd_prestat_dir_name',
  'fd_pwrite',
  'fd_read',
  'fd_readdir',
  'fd_renumber',
  'fd_seek',
  'fd_sync',
  'fd_tell',
  'fd_write',
  'path_create_directory',
  'path_filestat_get',
  'path_filestat_set_times',
  'path_link',
  'path_open',
  'path_readlink',
  'path_remove_directory',
  'path_rename',
  'path_symlink',
  'path_unlink_file',
]);

const MAX_OPEN_FILES = 1_000_000;
/** 2000-01-01T00:00:00Z in nanoseconds: where the fixed clock starts. */
const CLOCK_START_NS = 946_684_800_000_000_000n;
/** Each look at the fixed clock moves it, so that a program that waits for time to pass ends. */
const CLOCK_STEP_NS = 1_000n;

/** @throws UdcsError MODULE_INVALID naming the first import that is not offered */
export function checkImports(module: WebAssembly.Module): { readonly memory: { readonly module: string; readonly name: string } | null } {
  let memory: { module: string; name: string } | null = null;
  for (const entry of WebAssembly.Module.imports(module)) {
    if (entry.kind === 'memory') memory = { module: entry.module, name: entry.name };
    else if (entry.module !== WASI_MODULE || entry.kind !== 'function' || !ALLOWED.has(entry.name)) {
      throw moduleInvalid(`the module imports ${entry.kind} ${entry.module}.${entry.name}, which is not offered`, hintFor(entry.module, entry.name));
    }
  }
  return { memory };
}

function hintFor(module: string, name: string): string {
  if (module === 'wasi_unstable') return 'this is WASI preview 0; build with a newer compiler for preview 1';
  if (module.startsWith('wasi:')) return 'this is WASI 0.2; build for wasm32-wasi (preview 1)';
  if (name.startsWith('sock_')) return 'a WASM task has no network';
  return `only WASI preview 1 (${WASI_MODULE}) and a memory can be imported; build with --target=wasm32-wasi and without undefined symbols`;
}

/** Small, fast, the same everywhere: splitmix32 over the seed and the task's index, so that array tasks draw different numbers. */
export function seededBytes(seed: number, index: number): (into: Uint8Array) => void {
  let state = (seed ^ Math.imul(index + 1, 0x9e37_79b9)) >>> 0;
  return (into) => {
    for (let at = 0; at < into.length; at++) {
      state = (state + 0x9e37_79b9) >>> 0;
      let mixed = state;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
      into[at] = (mixed ^ (mixed >>> 15)) & 0xff;
    }
  };
}

/** The shim's object, with our calls put over its own. `memory` is asked for late: it exists only after instantiation. */
export function wasiFor(task: ExecutorTask<WasmSpec>, fds: Fd[], memory: () => WebAssembly.Memory): WASI {
  const { spec } = task;
  const environment = Object.entries({ ...spec.env, ...task.environment }).map(([key, value]) => `${key}=${value}`);
  const args = ['program', ...spec.args];
  const shim = new WASI(args, environment, fds, { debug: false });
  const view = (): DataView => new DataView(memory().buffer);
  const shimOpen = shim.wasiImport['path_open'];
  const shimPoll = shim.wasiImport['poll_oneoff'];
  Object.assign(shim.wasiImport, {
    // The shim counts UTF-16 units here, which overruns the buffer of a program with non-ASCII arguments.
    args_sizes_get(countAt: number, sizeAt: number): number {
      view().setUint32(countAt, args.length, true);
      view().setUint32(
        sizeAt,
        args.reduce((sum, arg) => sum + new TextEncoder().encode(arg).length + 1, 0),
        true,
      );
      return wasi.ERRNO_SUCCESS;
    },
    path_open(...open: unknown[]): unknown {
      return shim.fds.length < MAX_OPEN_FILES ? shimOpen?.(...open) : wasi.ERRNO_NFILE;
    },
    // The shim leaves the count of events unwritten, and a C library then reads what was there before.
    poll_oneoff(inAt: number, outAt: number, count: number, happenedAt: number): unknown {
      const result = shimPoll?.(inAt, outAt, count);
      if (result === wasi.ERRNO_SUCCESS) view().setUint32(happenedAt, 1, true);
      return result;
    },
  });
  if (spec.deterministic)
    Object.assign(
      shim.wasiImport,
      fixedWorld(spec.seed, task.index, view, () => new Uint8Array(memory().buffer)),
    );
  return shim;
}

function fixedWorld(seed: number, index: number, view: () => DataView, bytes: () => Uint8Array) {
  const fill = seededBytes(seed, index);
  let passedNs = 0n;
  return {
    clock_time_get(clock: number, _precision: bigint, at: number): number {
      passedNs += CLOCK_STEP_NS;
      view().setBigUint64(at, clock === wasi.CLOCKID_REALTIME ? CLOCK_START_NS + passedNs : passedNs, true);
      return wasi.ERRNO_SUCCESS;
    },
    random_get(at: number, length: number): number {
      fill(bytes().subarray(at, at + length));
      return wasi.ERRNO_SUCCESS;
    },
    /** Sleeping takes no time: the clock jumps to the end of it. */
    poll_oneoff(inAt: number, outAt: number, count: number, happenedAt: number): number {
      if (count !== 1) return count === 0 ? wasi.ERRNO_INVAL : wasi.ERRNO_NOTSUP;
      const wish = wasi.Subscription.read_bytes(view(), inAt);
      if (wish.eventtype !== wasi.EVENTTYPE_CLOCK) return wasi.ERRNO_NOTSUP;
      const isAbsolute = (wish.flags & wasi.SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME) !== 0;
      const now = wish.clockid === wasi.CLOCKID_REALTIME ? CLOCK_START_NS + passedNs : passedNs;
      const waitNs = isAbsolute ? wish.timeout - now : wish.timeout;
      if (waitNs > 0n) passedNs += waitNs;
      new wasi.Event(wish.userdata, wasi.ERRNO_SUCCESS, wish.eventtype).write_bytes(view(), outAt);
      view().setUint32(happenedAt, 1, true);
      return wasi.ERRNO_SUCCESS;
    },
  };
}
