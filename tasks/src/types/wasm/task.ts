// WASM: a WASI preview 1 command module, or one exported function, run with no access to anything but its own in-memory
// files. This is the contract; engine/ runs it, the same on both sides.
import { digestSchema } from '@udcs/protocol';
import * as z from 'zod/mini';
import { argumentsSchema, environmentSchema, isReservedName, stdinSchema, successExitCodesSchema } from '../../kit/fields.ts';
import { defineTaskType } from '../../kit/task-type.ts';

/** Features a module may need. Each one is probed on the worker before the module is compiled. */
export const WASM_FEATURES = ['simd128', 'bulk-memory', 'tail-call', 'exceptions', 'relaxed-simd'] as const;

export const PAGE_BYTES = 65_536;

export const wasmSpecSchema = z.strictObject({
  /** The module's bytes, an artifact. */
  module: digestSchema,
  /** `_start` runs a WASI command; any other name calls that exported function with `params`. */
  entryPoint: z._default(z.string().check(z.minLength(1), z.maxLength(200)), '_start'),
  /** argv after the program name. */
  args: z._default(argumentsSchema, []),
  env: z._default(environmentSchema, {}),
  stdin: z.optional(stdinSchema),
  /** Of a _start command; outputs are kept for each of them. */
  successExitCodes: z._default(successExitCodesSchema, [0]),
  /** For an exported function: numbers, or text ("42", "1.5", and "123n" for an i64). */
  params: z._default(z.array(z.union([z.number(), z.string().check(z.regex(/^(\$\{[^}]*\}|[-+0-9.eEn])+$/), z.maxLength(64))])).check(z.maxLength(64)), []),
  /** Cap of linear memory, rounded down to 64 KiB pages; default: the job's resources.memoryBytes. */
  memory: z.optional(z.strictObject({ maxBytes: z.int().check(z.minimum(PAGE_BYTES), z.maximum(4 * 1024 ** 3)) })),
  /** Post-MVP features the module needs; `relaxed-simd` is refused unless listed, because its results differ between CPUs. */
  features: z._default(z.array(z.enum(WASM_FEATURES)).check(z.maxLength(WASM_FEATURES.length)), []),
  /** Fixed clock, seeded randomness, fixed inode numbers: the same bytes on every worker. NaN bit patterns stay the CPU's. */
  deterministic: z._default(z.boolean(), true),
  /** Seed of random_get when deterministic. */
  seed: z._default(z.int().check(z.minimum(0), z.maximum(0xffff_ffff)), 0),
});
export type WasmSpec = z.infer<typeof wasmSpecSchema>;

export const wasm = defineTaskType<WasmSpec>({
  type: 'WASM',
  summary: 'A WebAssembly program (WASI preview 1) or one exported function, in a tab or natively, with identical results.',
  spec: wasmSpecSchema,
  artifacts: (spec) => [spec.module],
  alternatives: () => [[]],
  isolation: 'wasm',
  check(spec, job) {
    const reserved = Object.keys(spec.env).find(isReservedName);
    if (reserved !== undefined) return `env.${reserved}: names that begin with UDCS_ are set by the system`;
    if (spec.features.includes('relaxed-simd') && spec.deterministic)
      return 'relaxed-simd gives different results on different CPUs: set deterministic to false';
    if (spec.entryPoint === '_start') return spec.params.length > 0 ? 'params are for an exported function; a _start command takes args' : null;
    if (spec.args.length > 0 || spec.stdin !== undefined) return `args and stdin are for a _start command; "${spec.entryPoint}" takes params`;
    if (job.outputs.length > 0) return `an exported function returns a value, not files; remove outputs or use the entry point _start`;
    if (spec.features.includes('relaxed-simd') && spec.deterministic)
      return 'relaxed-simd gives different results on different CPUs: set deterministic to false';
    return null;
  },
  describe: (spec) =>
    spec.entryPoint === '_start'
      ? 'Runs a WebAssembly program on your CPU. It sees only its own input files and has no network and no access to your files.'
      : `Calls the function "${spec.entryPoint}" of a WebAssembly module on your CPU. It sees nothing of your machine.`,
});
