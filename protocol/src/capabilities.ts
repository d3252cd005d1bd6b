// What a worker says of itself, and the predicates jobs ask of it. A capability is a flat list of attributes, so that
// `requires` and `prefers` need no special case per fact.
import * as z from 'zod/mini';
import { limits } from './limits.ts';

export const TASK_TYPES = [
  'WASM',
  'WGSL_KERNEL',
  'CUDA_KERNEL',
  'ROCM_KERNEL',
  'METAL_KERNEL',
  'OPENCL_KERNEL',
  'NATIVE_EXEC',
  'DOCKER',
  'ASSEMBLY',
  'COMPILE',
  'VIDEO_ENCODE',
  'ML_INFERENCE',
  'ML_TRAINING',
  'GAME_RENDER',
  'MOCK',
] as const;
export type TaskTypeName = (typeof TASK_TYPES)[number];
export const taskTypeSchema = z.enum(TASK_TYPES);

/** From weakest to strongest; `wasm` and `browser` are met only by executors of that kind. */
export const ISOLATION_LEVELS = ['none', 'process', 'sandbox', 'container', 'wasm', 'browser'] as const;
export type IsolationLevel = (typeof ISOLATION_LEVELS)[number];
export const isolationSchema = z.enum(ISOLATION_LEVELS);

/** How a fact is known. `software` and `emulated` mark devices that are no hardware; they are never called a GPU. */
export const provenanceSchema = z.enum(['measured', 'declared', 'software', 'emulated']);
export type Provenance = z.infer<typeof provenanceSchema>;

const text = z.string().check(z.maxLength(200));
const bytes = z.int().check(z.nonnegative());

export const attrNameSchema = z.string().check(z.regex(/^[a-z][A-Za-z0-9]*(\.[A-Za-z0-9_-]+){0,5}$/), z.maxLength(100));
export const attrValueSchema = z.union([z.boolean(), z.number(), text, z.array(text).check(z.maxLength(256))]);
export type AttrValue = z.infer<typeof attrValueSchema>;

/**
 * Attribute names every worker uses (others may be added; unknown attributes fail a `requires` with MISSING_ATTR):
 *   kind 'browser'|'native' · os.name 'linux'|'darwin'|'win32'|'freebsd'|… · os.version · arch 'x64'|'arm64'|'riscv64'|… · libc 'glibc'|'musl'
 *   cpu.model · cpu.count · cpu.features string[] · memory.bytes · browser.name · browser.version
 *   webgpu boolean · webgpu.software boolean · webgpu.vendor · webgpu.architecture · webgpu.features string[] · webgpu.limits.<name> number
 *   isolation string[] (levels it can give) · limits 'enforced'|'weak' · speed.wasm · speed.sha256 · speed.wgsl (see speedUnits)
 *   load.* are live and come from the renewals: load.cpuOthers 0..1 · load.memoryFreeBytes · load.diskFreeBytes · load.battery 0..1 · load.onBattery
 */
export const attributesSchema = z
  .record(attrNameSchema, attrValueSchema)
  .check(z.refine((record) => Object.keys(record).length <= 512, 'at most 512 attributes'));
export type Attributes = z.infer<typeof attributesSchema>;

/** Units of the micro-benchmarks at join. */
export const speedUnits = {
  'speed.wasm': 'million WASM integer operations per second',
  'speed.sha256': 'MiB per second',
  'speed.wgsl': 'million f32 multiply-adds per second',
} as const;

export const deviceSchema = z.strictObject({
  id: text,
  kind: z.enum(['gpu', 'cpu']),
  name: text,
  provenance: provenanceSchema,
  /** 0 when unknown or shared with the host. */
  vramBytes: bytes,
});
export type Device = z.infer<typeof deviceSchema>;

export const capabilitiesSchema = z.strictObject({
  /** Task types this worker's executors have passed their own check for on this machine; others are never offered to it. */
  types: z.array(taskTypeSchema).check(z.maxLength(TASK_TYPES.length)),
  /** Types it also takes from owners it does not trust (default: WASM, WGSL_KERNEL). */
  untrustedTypes: z.array(taskTypeSchema).check(z.maxLength(TASK_TYPES.length)),
  attributes: attributesSchema,
  devices: z.array(deviceSchema).check(z.maxLength(64)),
  /** What the ledger counts. */
  pools: z.strictObject({ slots: z.int().check(z.minimum(1), z.maximum(4096)), cpus: z.number().check(z.nonnegative()), memoryBytes: bytes, diskBytes: bytes }),
});
export type Capabilities = z.infer<typeof capabilitiesSchema>;

/** Live numbers; never part of a worker's bucket, checked at pop. */
export const loadSchema = z.strictObject({
  /** Share of this machine's CPU used by programs that are not this worker, 0..1. */
  cpuOthers: z.number().check(z.minimum(0), z.maximum(1)),
  memoryFreeBytes: bytes,
  diskFreeBytes: bytes,
  /** null = no battery known. */
  battery: z.nullable(z.strictObject({ level: z.number().check(z.minimum(0), z.maximum(1)), charging: z.boolean() })),
  /** The owner's throttle: 1 = full speed, 0 = paused. */
  throttle: z.number().check(z.minimum(0), z.maximum(1)),
  devices: z
    .array(z.strictObject({ id: text, busy: z.nullable(z.number().check(z.minimum(0), z.maximum(1))), vramFreeBytes: z.nullable(bytes) }))
    .check(z.maxLength(64)),
});
export type Load = z.infer<typeof loadSchema>;

export const PREDICATE_OPS = ['=', '!=', '<', '<=', '>', '>=', 'in', 'notIn', 'contains', 'isSet', 'notSet', 'version'] as const;
export const predicateSchema = z.strictObject({
  attr: attrNameSchema,
  /** `contains`: the attribute (a list) holds every listed value. `version`: "4.2", or a comparison such as ">=4.2 <5". */
  op: z.enum(PREDICATE_OPS),
  value: z.optional(attrValueSchema),
});
export type Predicate = z.infer<typeof predicateSchema>;
export const preferenceSchema = z.strictObject({ ...predicateSchema.shape, /** −100..100 */ weight: z.int().check(z.minimum(-100), z.maximum(100)) });
export type Preference = z.infer<typeof preferenceSchema>;
export const requiresSchema = z.array(predicateSchema).check(z.maxLength(limits.requires));
