// The owner's say: which task types this worker takes, from whom, under which isolation. It is decided at the start by local
// options and by what the machine proved; nothing the coordinator sends can widen it.
import { type Capabilities, type ErrorCode, type IsolationLevel, type JobSpec, TASK_TYPES, type TaskTypeName, UdcsError } from '@udcs/protocol';
import { taskTypes } from '@udcs/tasks';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** Anyone's work of these types runs by default: they meet isolation `wasm` on every machine. */
const OPEN_TYPES: readonly TaskTypeName[] = ['WASM', 'WGSL_KERNEL'];
/** Taken by default when their owner is the worker's owner. */
const TRUSTED_TYPES: readonly TaskTypeName[] = ['NATIVE_EXEC', 'ASSEMBLY', 'COMPILE', 'CUDA_KERNEL', 'ROCM_KERNEL', 'METAL_KERNEL', 'OPENCL_KERNEL', 'DOCKER'];

export interface PolicyOptions {
  /** `TYPE` or `TYPE:untrusted` */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly allowMock: boolean;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

const LADDER: readonly IsolationLevel[] = ['none', 'process', 'sandbox', 'container'];

export class Policy {
  readonly #types: ReadonlySet<TaskTypeName>;
  readonly #untrusted: ReadonlySet<TaskTypeName>;
  readonly #sandbox: Sandbox;
  /** Wishes of the owner that this machine can not grant, as sentences for the table. */
  readonly warnings: readonly string[];

  /** @throws UdcsError INVALID_INPUT for a word that is no task type */
  constructor(options: PolicyOptions, sandbox: Sandbox) {
    this.#sandbox = sandbox;
    const warnings: string[] = [];
    const types = new Set<TaskTypeName>([...OPEN_TYPES, ...TRUSTED_TYPES]);
    const untrusted = new Set<TaskTypeName>(OPEN_TYPES);
    for (const word of options.allow) {
      const [name, who, ...rest] = word.split(':');
      const type = typeNamed(name ?? '', '--allow');
      if (rest.length > 0 || (who !== undefined && who !== 'untrusted'))
        throw new UdcsError('INVALID_INPUT', `--allow ${word}: after the colon only "untrusted" is known`);
      if (type === 'MOCK') throw new UdcsError('INVALID_INPUT', 'MOCK is for tests: use --allow-mock');
      types.add(type);
      if (who === undefined) continue;
      const why = OPEN_TYPES.includes(type) ? null : this.#tooWeakForStrangers();
      if (why === null) untrusted.add(type);
      else warnings.push(`${type} from strangers stays refused: ${why}`);
    }
    if (options.allowMock) for (const set of [types, untrusted]) set.add('MOCK');
    for (const word of options.deny) for (const set of [types, untrusted]) set.delete(typeNamed(word, '--deny'));
    this.#types = types;
    this.#untrusted = untrusted;
    this.warnings = warnings;
  }

  /** Whether the owner wants this type at all. */
  wants(type: TaskTypeName): boolean {
    return this.#types.has(type);
  }

  untrusted(type: TaskTypeName): boolean {
    return this.#untrusted.has(type);
  }

  /** Levels this worker can give to programs; what an executor is by itself (`wasm`) is the type's to say. */
  get levels(): IsolationLevel[] {
    return LADDER.slice(0, LADDER.indexOf(this.#sandbox.level) + 1);
  }

  /** Why an offer is not run here, or null. */
  refuse(offer: { type: TaskTypeName; trusted: boolean; isolationMin: IsolationLevel; resources: JobSpec['resources'] }, has: Capabilities): Refusal | null {
    const { type } = offer;
    if (!this.#types.has(type)) return { code: 'POLICY', message: `this worker's owner does not allow ${type}` };
    if (!has.types.includes(type)) return { code: 'UNSUPPORTED', message: `this worker can not run ${type}` };
    if (!offer.trusted && !this.#untrusted.has(type)) return { code: 'POLICY', message: `this worker runs ${type} only for its own owner` };
    if (!this.#meets(type, offer.isolationMin)) {
      return {
        code: 'POLICY',
        message: `isolation.min is "${offer.isolationMin}", this worker gives ${type} "${taskTypes[type]?.isolation ?? this.#sandbox.level}"`,
      };
    }
    return roomFor(offer.resources, has);
  }

  #meets(type: TaskTypeName, wanted: IsolationLevel): boolean {
    const own = taskTypes[type]?.isolation ?? null;
    if (own === wanted) return true;
    // In the order of ISOLATION_LEVELS `wasm` stands above every level of a program.
    return LADDER.includes(wanted) && (own === 'wasm' || this.levels.includes(wanted));
  }

  #tooWeakForStrangers(): string | null {
    if (this.#sandbox.level !== 'sandbox') return this.#sandbox.why ?? 'there is no sandbox';
    return this.#sandbox.limits === 'weak' ? 'memory and process counts can not be bounded here (no writable control groups)' : null;
  }
}

/** What can never fit is refused; what does not fit right now waits for its turn. */
function roomFor(wanted: JobSpec['resources'], { pools, devices }: Capabilities): Refusal | null {
  const short = (name: string, needs: number, has: number): Refusal | null =>
    needs > has ? { code: 'NO_ROOM', message: `needs ${name} ${needs}, this worker has ${has}` } : null;
  return (
    short('resources.cpus', wanted.cpus, pools.cpus) ??
    short('resources.memoryBytes', wanted.memoryBytes, pools.memoryBytes) ??
    short('resources.diskBytes', wanted.diskBytes, pools.diskBytes) ??
    short('resources.gpus', wanted.gpus, devices.filter((device) => device.kind === 'gpu').length)
  );
}

function typeNamed(word: string, flag: string): TaskTypeName {
  const found = TASK_TYPES.find((type) => type === word);
  if (found === undefined) throw new UdcsError('INVALID_INPUT', `${flag} ${word}: no such task type`, { hint: `known types: ${TASK_TYPES.join(', ')}` });
  return found;
}
