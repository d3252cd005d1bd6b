// The live numbers of every renewal. "Others" are all programs of this machine that are not this worker and not its children:
// what they take, the scheduler does not count on.
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Load } from '@udcs/protocol';
import { battery, freeDiskBytes, freeMemoryBytes } from './machine.ts';

/** Clock ticks; both counters in the same unit. */
interface Sample {
  readonly totalTicks: number;
  readonly busyTicks: number;
  readonly ownTicks: number;
  /** Which CPUs were counted: figures of different ones can not be compared. */
  readonly cpus: string;
}

const MIN_WINDOW_TICKS = 50;
const SAMPLE_MS = 500;

export class LoadMeter {
  readonly #folder: string;
  #before: Sample;
  #others = 0;

  /** @param folder whose file system is the worker's disk */
  constructor(folder: string) {
    this.#folder = folder;
    this.#before = sample();
  }

  read(): Load {
    const now = sample();
    if (now.cpus !== this.#before.cpus) this.#before = now;
    const total = now.totalTicks - this.#before.totalTicks;
    // Too short a window measures noise: the last figure stands.
    if (total >= MIN_WINDOW_TICKS) {
      const busy = now.busyTicks - this.#before.busyTicks;
      const own = Math.max(0, now.ownTicks - this.#before.ownTicks);
      this.#others = Math.min(1, Math.max(0, (busy - own) / total));
      this.#before = now;
    }
    return {
      cpuOthers: this.#others,
      memoryFreeBytes: freeMemoryBytes(),
      diskFreeBytes: freeDiskBytes(this.#folder),
      battery: battery(),
      throttle: 1,
      devices: [],
    };
  }
}

/** Workers that share a process share the walk through the process table. */
let last: { readonly atMs: number; readonly sample: Sample } | null = null;

function sample(): Sample {
  const nowMs = performance.now();
  if (last === null || nowMs - last.atMs > SAMPLE_MS) last = { atMs: nowMs, sample: process.platform === 'linux' ? sampleProc() : sampleOs() };
  return last.sample;
}

/**
 * Counts only the CPUs this process may run on, asked anew each time: in a container with a CPU set, or pinned by its owner, the other
 * cores' work is no load of ours.
 */
function sampleProc(): Sample {
  const allowed = allowedCpus(readFileSync('/proc/self/status', 'utf8'));
  let totalTicks = 0;
  let idleTicks = 0;
  for (const line of readFileSync('/proc/stat', 'utf8').split('\n')) {
    const [name = '', ...words] = line.trim().split(/\s+/);
    if (!/^cpu\d+$/.test(name) || !allowed.has(Number(name.slice(3)))) continue;
    const ticks = words.slice(0, 8).map(Number);
    totalTicks += ticks.reduce((sum, value) => sum + value, 0);
    idleTicks += (ticks[3] ?? 0) + (ticks[4] ?? 0);
  }
  return { totalTicks, busyTicks: totalTicks - idleTicks, ownTicks: treeTicks(process.pid), cpus: [...allowed].join() };
}

/** CPUs of `Cpus_allowed_list: 0-3,6` in /proc/self/status. */
export function allowedCpus(status: string): Set<number> {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
  const allowed = new Set<number>();
  for (const range of list.split(',').filter((part) => part !== '')) {
    const [from = Number.NaN, to = from] = range.split('-').map(Number);
    for (let cpu = from; cpu <= to; cpu++) allowed.add(cpu);
  }
  return allowed;
}

/** Ticks of a process, of what it waited for, and of all that descends from it and lives. */
function treeTicks(root: number): number {
  const parents = new Map<number, { parent: number; ticks: number }>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The name in parentheses may hold spaces; fields count from behind it.
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      parents.set(Number(name), { parent: fields[1] ?? 0, ticks: (fields[11] ?? 0) + (fields[12] ?? 0) + (fields[13] ?? 0) + (fields[14] ?? 0) });
    } catch {
      // ended while we looked
    }
  }
  let ticks = 0;
  for (const [pid, own] of parents) if (descends(pid, root, parents)) ticks += own.ticks;
  return ticks;
}

function descends(pid: number, root: number, parents: ReadonlyMap<number, { parent: number }>): boolean {
  for (let at = pid, steps = 0; at > 1 && steps < 64; steps++) {
    if (at === root) return true;
    at = parents.get(at)?.parent ?? 0;
  }
  return pid === root;
}

/** Elsewhere children can not be told from others without a process per sample; only this process is taken off. */
function sampleOs(): Sample {
  const totals = cpus().map(({ times }) => ({ busy: times.user + times.sys + times.nice + times.irq, idle: times.idle }));
  const busyTicks = totals.reduce((sum, one) => sum + one.busy, 0);
  const { user, system } = process.cpuUsage();
  return { totalTicks: busyTicks + totals.reduce((sum, one) => sum + one.idle, 0), busyTicks, ownTicks: (user + system) / 1000, cpus: 'all' };
}
