// What this machine is: system, processor, memory, disk, after the limits of the container it may run in. Reads files and
// node:os only; drivers are probed elsewhere, in a process that may crash.
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { arch, availableParallelism, cpus, freemem, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Attributes } from '@udcs/protocol';

export interface Machine {
  readonly attributes: Attributes;
  readonly cpus: number;
  readonly memoryBytes: number;
}

export function detectMachine(): Machine {
  const model = cpus()[0]?.model.trim();
  const libc = detectLibc();
  const memoryBytes = Math.min(totalmem(), cgroupMemoryBytes() ?? Number.POSITIVE_INFINITY);
  const count = Math.max(1, Math.min(availableParallelism(), cgroupCpus() ?? Number.POSITIVE_INFINITY));
  const features = cpuFeatures();
  return {
    cpus: count,
    memoryBytes,
    attributes: {
      kind: 'native',
      'os.name': process.platform,
      'os.version': release().slice(0, 200),
      arch: arch(),
      ...(libc === null ? {} : { libc }),
      ...(model === undefined || model === '' ? {} : { 'cpu.model': model.slice(0, 200) }),
      'cpu.count': count,
      ...(features.length === 0 ? {} : { 'cpu.features': features }),
      'memory.bytes': memoryBytes,
    },
  };
}

/** Free memory, no more than the container has left. */
export function freeMemoryBytes(): number {
  const limit = cgroupMemoryBytes();
  const used = readNumber('/sys/fs/cgroup/memory.current') ?? readNumber('/sys/fs/cgroup/memory/memory.usage_in_bytes');
  const free = availableMemoryBytes();
  return limit === null || used === null ? free : Math.max(0, Math.min(free, limit - used));
}

export function freeDiskBytes(folder: string): number {
  const stat = statfsSync(folder);
  return stat.bavail * stat.bsize;
}

export function battery(): { level: number; charging: boolean } | null {
  const root = '/sys/class/power_supply';
  for (const name of ['BAT0', 'BAT1', 'BATT']) {
    const level = readNumber(join(root, name, 'capacity'));
    if (level === null) continue;
    return { level: Math.min(1, Math.max(0, level / 100)), charging: readText(join(root, name, 'status'))?.trim() !== 'Discharging' };
  }
  return null;
}

function availableMemoryBytes(): number {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readText('/proc/meminfo') ?? '')?.[1];
  return kib === undefined ? freemem() : Number(kib) * 1024;
}

function detectLibc(): 'glibc' | 'musl' | null {
  if (process.platform !== 'linux') return null;
  const header: unknown = process.report.getReport();
  const glibc =
    typeof header === 'object' &&
    header !== null &&
    'header' in header &&
    typeof header.header === 'object' &&
    header.header !== null &&
    'glibcVersionRuntime' in header.header;
  return glibc ? 'glibc' : 'musl';
}

/** Names as /proc/cpuinfo writes them: flags on x86, Features on ARM, the isa string on RISC-V. */
function cpuFeatures(): string[] {
  const text = readText('/proc/cpuinfo') ?? '';
  const flags = /^(?:flags|Features)\s*:\s*(.+)$/m.exec(text)?.[1]?.split(' ') ?? [];
  const isa = /^isa\s*:\s*(.+)$/m.exec(text)?.[1]?.split('_') ?? [];
  return [...new Set([...flags, ...isa])]
    .filter((word) => word !== '')
    .sort()
    .slice(0, 256);
}

function cgroupMemoryBytes(): number | null {
  const limit =
    readNumber('/sys/fs/cgroup/memory.max') ??
    readNumber(`/sys/fs/cgroup/memory${ownGroup('memory')}/memory.limit_in_bytes`) ??
    readNumber('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  // Version 1 writes a huge number for "none".
  return limit === null || limit > 2 ** 60 ? null : limit;
}

function cgroupCpus(): number | null {
  const max = readText('/sys/fs/cgroup/cpu.max')?.trim().split(' ').map(Number);
  const quota = max?.[0] ?? readNumber('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const period = max?.[1] ?? readNumber('/sys/fs/cgroup/cpu/cpu.cfs_period_us');
  return quota === null || quota === undefined || period === null || period === undefined || !(quota > 0) ? null : quota / period;
}

function ownGroup(controller: string): string {
  const line = (readText('/proc/self/cgroup') ?? '').split('\n').find((one) => one.split(':')[1]?.split(',').includes(controller));
  return line?.split(':')[2] ?? '';
}

function readText(file: string): string | null {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : null;
  } catch {
    return null;
  }
}

function readNumber(file: string): number | null {
  const text = readText(file);
  const value = text === null ? Number.NaN : Number(text.trim());
  return Number.isFinite(value) ? value : null;
}
