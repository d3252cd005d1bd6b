// Control groups, v1 and v2: one group per executor child and per program, for memory, process count and CPU. Where groups
// can not be made or do not take a limit, the worker says `limits: weak`. Nothing here starts a process.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const PREFIX = 'udcs-';
const CPU_PERIOD_US = 100_000;

export interface GroupLimits {
  readonly memoryBytes: number;
  readonly processes: number;
  /** null = no bound; a share of cores otherwise. */
  readonly cpus: number | null;
}

/** What the kernel counted. */
export interface GroupUsage {
  readonly memoryKills: number;
  readonly processRefusals: number;
  readonly peakMemoryBytes: number | null;
  readonly cpuMs: number | null;
}

/** Controller → folder under which this worker may make groups. On v2 all three are one folder. */
interface Hierarchy {
  readonly version: 1 | 2;
  readonly memory: string;
  readonly pids: string;
  readonly cpu: string | null;
  /** v1 counts CPU time in a hierarchy of its own. */
  readonly cpuacct: string | null;
}

export class ControlGroup {
  readonly #hierarchy: Hierarchy;
  readonly #name: string;

  constructor(hierarchy: Hierarchy, name: string) {
    this.#hierarchy = hierarchy;
    this.#name = name;
    for (const folder of this.#folders()) mkdirSync(folder);
  }

  /** Files that a starting process writes its own pid to, before it becomes the program. */
  get procsFiles(): string[] {
    return this.#folders().map((folder) => join(folder, 'cgroup.procs'));
  }

  setLimits(wanted: GroupLimits): void {
    const { version, memory, pids, cpu } = this.#hierarchy;
    writeFileSync(join(pids, this.#name, 'pids.max'), String(wanted.processes));
    if (version === 2) {
      writeFileSync(join(memory, this.#name, 'memory.max'), String(wanted.memoryBytes));
      tryWrite(join(memory, this.#name, 'memory.swap.max'), '0');
      if (cpu !== null) tryWrite(join(cpu, this.#name, 'cpu.max'), wanted.cpus === null ? 'max' : `${Math.ceil(wanted.cpus * CPU_PERIOD_US)} ${CPU_PERIOD_US}`);
      return;
    }
    // memory ≤ memory+swap must hold at every step, whichever way the limit moves.
    const memsw = join(memory, this.#name, 'memory.memsw.limit_in_bytes');
    tryWrite(memsw, '-1');
    writeFileSync(join(memory, this.#name, 'memory.limit_in_bytes'), String(wanted.memoryBytes));
    tryWrite(memsw, String(wanted.memoryBytes));
    if (cpu !== null) tryWrite(join(cpu, this.#name, 'cpu.cfs_quota_us'), wanted.cpus === null ? '-1' : String(Math.ceil(wanted.cpus * CPU_PERIOD_US)));
  }

  usage(): GroupUsage {
    const { version, memory, pids } = this.#hierarchy;
    const memoryEvents = tryRead(join(memory, this.#name, version === 2 ? 'memory.events' : 'memory.oom_control'));
    const peak = tryRead(join(memory, this.#name, version === 2 ? 'memory.peak' : 'memory.max_usage_in_bytes'));
    return {
      memoryKills: counter(memoryEvents, 'oom_kill'),
      processRefusals: counter(tryRead(join(pids, this.#name, 'pids.events')), 'max'),
      peakMemoryBytes: peak === null ? null : Number(peak.trim()) || null,
      cpuMs: this.#cpuMs(),
    };
  }

  /** SIGKILL for whatever is inside, also what left its process group. */
  kill(): void {
    killAllIn(join(this.#hierarchy.pids, this.#name));
  }

  /** Kills and removes; groups empty a moment after their last process died, so this tries for a while. */
  async remove(): Promise<void> {
    for (let attempt = 0; attempt < 40; attempt++) {
      if (this.#folders().every(tryRemove)) return;
      this.kill();
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  #cpuMs(): number | null {
    const { version, cpu, cpuacct } = this.#hierarchy;
    if (version === 2) {
      const stat = cpu === null ? null : tryRead(join(cpu, this.#name, 'cpu.stat'));
      return stat === null ? null : counter(stat, 'usage_usec') / 1_000;
    }
    const usage = cpuacct === null ? null : tryRead(join(cpuacct, this.#name, 'cpuacct.usage'));
    return usage === null ? null : Number(usage) / 1_000_000;
  }

  #folders(): string[] {
    return foldersOf(this.#hierarchy).map((folder) => join(folder, this.#name));
  }
}

/** Names stay unique when one process runs several workers. */
let made = 0;

export class ControlGroups {
  readonly version: 1 | 2;
  readonly #hierarchy: Hierarchy;

  private constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
    this.version = hierarchy.version;
  }

  /** Null, or working groups: proven by making one, limiting it and reading the limits back. */
  static probe(): ControlGroups | null {
    if (process.platform !== 'linux') return null;
    for (const hierarchy of hierarchies()) {
      // v2 hands a controller to children only where it was switched on; refused where that group holds processes itself.
      if (hierarchy.version === 2) tryWrite(join(hierarchy.memory, 'cgroup.subtree_control'), '+memory +pids +cpu');
      const groups = new ControlGroups(hierarchy);
      if (groups.#works()) {
        groups.#sweep();
        return groups;
      }
    }
    return null;
  }

  create(): ControlGroup {
    made += 1;
    return new ControlGroup(this.#hierarchy, `${PREFIX}${process.pid}-${made}`);
  }

  #works(): boolean {
    try {
      const group = this.create();
      try {
        group.setLimits({ memoryBytes: 64 * 1024 * 1024, processes: 16, cpus: 1 });
        return group.procsFiles.every((file) => existsSync(file));
      } finally {
        void group.remove();
      }
    } catch {
      return false;
    }
  }

  /** Ends what a killed worker left behind and removes its groups. */
  #sweep(): void {
    for (const folder of foldersOf(this.#hierarchy)) {
      for (const name of readdirSync(folder)) {
        const pid = Number(/^udcs-(\d+)-\d+$/.exec(name)?.[1] ?? Number.NaN);
        if (Number.isNaN(pid) || existsSync(`/proc/${pid}`)) continue;
        killAllIn(join(folder, name));
        tryRemove(join(folder, name));
      }
    }
  }
}

const foldersOf = ({ memory, pids, cpu, cpuacct }: Hierarchy): string[] => [...new Set([memory, pids, cpu, cpuacct])].filter((folder) => folder !== null);

/** Candidates, likeliest first: this process's own group, then the root of the hierarchy. */
function hierarchies(): Hierarchy[] {
  const lines = (tryRead('/proc/self/cgroup') ?? '')
    .trim()
    .split('\n')
    .map((line) => line.split(':'));
  const own = (controller: string): string => lines.find((parts) => (parts[1] ?? '').split(',').includes(controller))?.[2] ?? '/';
  const v1 = (at: (controller: string) => string): Hierarchy => {
    const optional = (controller: string): string | null => [join(ROOT, controller, at(controller))].find((folder) => existsSync(folder)) ?? null;
    return { version: 1, memory: join(ROOT, 'memory', at('memory')), pids: join(ROOT, 'pids', at('pids')), cpu: optional('cpu'), cpuacct: optional('cpuacct') };
  };
  if (existsSync(join(ROOT, 'memory')) && existsSync(join(ROOT, 'pids'))) return [v1(own), v1(() => '/')];
  const path = lines.find((parts) => parts[0] === '0')?.[2] ?? '/';
  // v2: a group with processes can not hand controllers to children, so a sibling under the parent is tried too.
  return [join(ROOT, path), join(ROOT, path, '..'), ROOT].map((folder) => ({ version: 2, memory: folder, pids: folder, cpu: folder, cpuacct: null }));
}

function killAllIn(folder: string): void {
  if (tryWrite(join(folder, 'cgroup.kill'), '1')) return;
  for (const line of (tryRead(join(folder, 'cgroup.procs')) ?? '').split('\n')) {
    const pid = Number(line);
    if (!(pid > 1) || pid === process.pid) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone meanwhile
    }
  }
}

function tryRemove(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

function tryRead(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** Only into files that exist: on a control file system a failed create is an error of its own. */
function tryWrite(file: string, text: string): boolean {
  if (!existsSync(file)) return false;
  try {
    writeFileSync(file, text);
    return true;
  } catch {
    return false;
  }
}

const counter = (text: string | null, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? 0);
