// What a number depends on: machine, versions, disk. Every report carries it.
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly commit: string;
  readonly fileSystem: string;
  /** 4 KiB append + fdatasync, milliseconds. */
  readonly fsyncMs: { readonly p50: number; readonly p99: number };
}

const FSYNC_SAMPLES = 200;

/** @param folder where the data will live: the probe writes and removes one file there */
export function describeMachine(folder: string): Machine {
  const [model] = cpus();
  return {
    cpu: model?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    node: process.version,
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim(),
    fileSystem: execFileSync('stat', ['-f', '-c', '%T', folder], { encoding: 'utf8' }).trim(),
    fsyncMs: probeFsync(folder),
  };
}

function probeFsync(folder: string): { p50: number; p99: number } {
  const file = join(folder, 'fsync-probe');
  const handle = openSync(file, 'a');
  const block = Buffer.alloc(4096, 1);
  const samples = Array.from({ length: FSYNC_SAMPLES }, () => {
    const startedMs = performance.now();
    writeSync(handle, block);
    fdatasyncSync(handle);
    return performance.now() - startedMs;
  });
  closeSync(handle);
  rmSync(file);
  return { p50: quantile(samples, 0.5), p99: quantile(samples, 0.99) };
}

export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** User and system CPU of processes so far, milliseconds (Linux: /proc/<pid>/stat, 100 ticks a second). */
export function cpuMsOf(pids: readonly (number | undefined)[]): number {
  let ticks = 0;
  for (const pid of pids) {
    if (pid === undefined) continue;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

/** Writes a bench's report to out/bench/<name>.json and says where. */
export function writeReport(name: string, report: unknown): void {
  mkdirSync('out/bench', { recursive: true });
  const file = `out/bench/${name}.json`;
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\nwritten to ${file}`);
}
