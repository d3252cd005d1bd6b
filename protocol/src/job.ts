// The job envelope: what a submitter sends, the same schema for YAML file, SDK object and REST body. Strict: unknown keys
// are refused. The `spec` of each task type is checked by that type (tasks/src/types/<type>/task.ts), not here.
import * as z from 'zod/mini';
import { digestSchema } from './artifacts.ts';
import { isolationSchema, preferenceSchema, requiresSchema, taskTypeSchema } from './capabilities.ts';
import { jobIdSchema } from './ids.ts';
import { limits } from './limits.ts';

const name = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/));
const ms = z.int().check(z.nonnegative(), z.maximum(365 * 24 * 3600 * 1000));
const bytes = z.int().check(z.nonnegative());
const label = z.string().check(z.maxLength(200));

/** Relative path inside the task's folder, or /dev/stdin (inputs), /dev/stdout, /dev/stderr (outputs). May hold `${…}`. */
export const taskPathSchema = z
  .string()
  .check(z.minLength(1), z.maxLength(512), z.refine(isTaskPath, 'a relative path without "..", or /dev/stdin, /dev/stdout, /dev/stderr'));

export function isTaskPath(path: string): boolean {
  if (path === '/dev/stdin' || path === '/dev/stdout' || path === '/dev/stderr') return true;
  if (path.startsWith('/') || path.includes('\\') || path.includes('\0')) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** Where an input's bytes come from. `digest` and `url` may hold `${entry.x}`; `url` always needs the digest it must have. */
export const inputSourceSchema = z.union([
  z.strictObject({ digest: z.string().check(z.maxLength(200)) }),
  z.strictObject({ url: z.string().check(z.maxLength(2_000)), digest: z.string().check(z.maxLength(200)) }),
  /** base64, at most 64 KiB decoded */
  z.strictObject({ inline: z.string().check(z.maxLength(Math.ceil((limits.inlineInputBytes * 4) / 3) + 4)) }),
  /** An upstream job's output; implies `after`. `index` may be a number or `${index}`. */
  z.strictObject({ job: jobIdSchema, output: name, index: z.optional(z.union([z.int().check(z.nonnegative()), z.string().check(z.maxLength(64))])) }),
]);
export type InputSource = z.infer<typeof inputSourceSchema>;

export const inputSchema = z.strictObject({ name, source: inputSourceSchema, path: z.optional(taskPathSchema) });
export const outputSchema = z.strictObject({
  name,
  path: z.optional(taskPathSchema),
  maxBytes: z.optional(z.int().check(z.minimum(0), z.maximum(limits.artifactBytes))),
});

/** One entry of an array: text or numbers by name, reachable as `${entry.<name>}`. */
export const entrySchema = z.record(name, z.union([z.string().check(z.maxLength(limits.entryBytes)), z.number()]));
export type Entry = z.infer<typeof entrySchema>;

export const arraySchema = z.union([
  z.strictObject({ count: z.int().check(z.minimum(1), z.maximum(limits.arrayCount)) }),
  z.strictObject({ entries: z.array(entrySchema).check(z.minLength(1), z.maxLength(limits.inlineEntries)) }),
  /** Digest of a JSONL artifact, one entry per line. */
  z.strictObject({ entries: digestSchema, count: z.int().check(z.minimum(1), z.maximum(limits.arrayCount)) }),
]);

const specSchema = z.record(z.string(), z.unknown());
export const variantSchema = z.strictObject({ type: taskTypeSchema, spec: specSchema, requires: z.optional(requiresSchema) });
export type Variant = z.infer<typeof variantSchema>;

export const resourcesSchema = z.strictObject({
  cpus: z.optional(z.number().check(z.minimum(0), z.maximum(1024))),
  memoryBytes: z.optional(bytes),
  diskBytes: z.optional(bytes),
  gpus: z.optional(z.int().check(z.minimum(0), z.maximum(64))),
  vramBytes: z.optional(bytes),
});
/** 0 means no limit, except executionMs, whose 0 is refused. */
export const timeoutsSchema = z.strictObject({
  queueMs: z.optional(ms),
  executionMs: z.optional(ms.check(z.minimum(1))),
  noProgressMs: z.optional(ms),
  totalMs: z.optional(ms),
});

export const jobSchema = z
  .strictObject({
    name: z.optional(z.string().check(z.maxLength(200))),
    type: z.optional(taskTypeSchema),
    spec: z.optional(specSchema),
    variants: z.optional(z.array(variantSchema).check(z.minLength(1), z.maxLength(limits.variants))),
    array: z.optional(arraySchema),
    after: z.optional(z.array(jobIdSchema).check(z.maxLength(256))),
    /** Like `after`, but runs whatever the outcome of those jobs was. */
    afterAny: z.optional(z.array(jobIdSchema).check(z.maxLength(256))),
    inputs: z.optional(z.array(inputSchema).check(z.maxLength(limits.inputs))),
    outputs: z.optional(z.array(outputSchema).check(z.maxLength(limits.outputs))),
    requires: z.optional(requiresSchema),
    prefers: z.optional(z.array(preferenceSchema).check(z.maxLength(limits.requires))),
    resources: z.optional(resourcesSchema),
    timeouts: z.optional(timeoutsSchema),
    retry: z.optional(z.strictObject({ maxAttempts: z.optional(z.int().check(z.minimum(1), z.maximum(limits.attemptsHardCap))) })),
    verification: z.optional(
      z.strictObject({
        mode: z.optional(z.enum(['none', 'quorum', 'adaptive'])),
        quorum: z.optional(z.int().check(z.minimum(1), z.maximum(8))),
        maxReplicas: z.optional(z.int().check(z.minimum(1), z.maximum(8))),
        comparator: z.optional(specSchema),
      }),
    ),
    isolation: z.optional(z.strictObject({ min: isolationSchema })),
    network: z.optional(z.strictObject({ mode: z.enum(['none', 'http']) })),
    same: z.optional(z.string().check(z.maxLength(100))),
    gang: z.optional(z.strictObject({ min: z.int().check(z.minimum(1)), max: z.int().check(z.minimum(1)) })),
    spread: z.optional(z.enum(['none', 'host', 'owner', 'network'])),
    /** The job ends `failed` when more tasks than this have failed; absent = never early. */
    maxFailures: z.optional(z.int().check(z.nonnegative())),
    deadlineAtMs: z.optional(z.int().check(z.nonnegative())),
    checkpoint: z.optional(z.strictObject({ path: taskPathSchema, everyMs: ms })),
    /** 0..100, higher first */
    priority: z.optional(z.int().check(z.minimum(0), z.maximum(100))),
    labels: z.optional(z.record(name, label).check(z.refine((labels) => Object.keys(labels).length <= limits.labels, 'at most 32 labels'))),
    idempotencyKey: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
  })
  .check(z.refine((job) => (job.variants === undefined) !== (job.type === undefined), 'give either type and spec, or variants'))
  .check(z.refine((job) => job.type === undefined || job.spec !== undefined, 'spec is missing'));

/** What a submitter writes. */
export type Job = z.input<typeof jobSchema>;

/** The job with every default filled in: what is stored, scheduled and sent to workers. */
export interface JobSpec {
  readonly name: string;
  /** At least one; `type` + `spec` became the only variant. */
  readonly variants: readonly { readonly type: Variant['type']; readonly spec: Record<string, unknown>; readonly requires: NonNullable<Variant['requires']> }[];
  /** Tasks of a plain job; 1 when `array` is absent. */
  readonly count: number;
  /** Inline entries, or the digest of the JSONL that holds them, or null. */
  readonly entries: readonly Entry[] | { readonly digest: string } | null;
  readonly isArray: boolean;
  readonly after: readonly z.infer<typeof jobIdSchema>[];
  readonly afterAny: readonly z.infer<typeof jobIdSchema>[];
  readonly inputs: readonly z.infer<typeof inputSchema>[];
  readonly outputs: readonly { readonly name: string; readonly path: string; readonly maxBytes: number }[];
  readonly requires: NonNullable<Job['requires']>;
  readonly prefers: NonNullable<Job['prefers']>;
  readonly resources: { readonly cpus: number; readonly memoryBytes: number; readonly diskBytes: number; readonly gpus: number; readonly vramBytes: number };
  readonly timeouts: { readonly queueMs: number; readonly executionMs: number; readonly noProgressMs: number; readonly totalMs: number };
  readonly maxAttempts: number;
  readonly isolationMin: z.infer<typeof isolationSchema>;
  readonly maxFailures: number | null;
  readonly deadlineAtMs: number | null;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>>;
}

export const jobDefaults = {
  resources: { cpus: 1, memoryBytes: 256 * 1024 * 1024, diskBytes: 256 * 1024 * 1024, gpus: 0, vramBytes: 0 },
  timeouts: { queueMs: 0, executionMs: 600_000, noProgressMs: 0, totalMs: 0 },
  maxAttempts: 4,
  outputMaxBytes: 256 * 1024 * 1024,
  priority: 50,
} as const;

/** Options whose logic has not landed: present with another value, they are refused with NOT_YET, never ignored. */
export function notYet(job: Job): string | null {
  if (job.verification?.mode !== undefined && job.verification.mode !== 'none') return `verification.mode "${job.verification.mode}"`;
  if (job.gang !== undefined && (job.gang.min !== 1 || job.gang.max !== 1)) return 'gang';
  if (job.spread !== undefined && job.spread !== 'none') return `spread "${job.spread}"`;
  if (job.same !== undefined) return 'same';
  if (job.checkpoint !== undefined) return 'checkpoint';
  if (job.network !== undefined && job.network.mode !== 'none') return `network.mode "${job.network.mode}"`;
  if (job.inputs?.some((input) => 'url' in input.source)) return 'inputs with a url source';
  return null;
}

/** Fills the defaults in. Pure; the envelope must have passed `jobSchema`. */
export function normalizeJob(job: Job): JobSpec {
  const single: Variant[] = job.type === undefined ? [] : [{ type: job.type, spec: job.spec ?? {} }];
  const array = job.array;
  return {
    name: job.name ?? '',
    variants: (job.variants ?? single).map((variant) => ({ type: variant.type, spec: variant.spec, requires: variant.requires ?? [] })),
    count: array === undefined ? 1 : 'count' in array ? array.count : array.entries.length,
    entries: array === undefined || !('entries' in array) ? null : typeof array.entries === 'string' ? { digest: array.entries } : array.entries,
    isArray: array !== undefined,
    after: [...new Set([...(job.after ?? []), ...upstreamJobs(job)])],
    afterAny: job.afterAny ?? [],
    inputs: job.inputs ?? [],
    outputs: (job.outputs ?? []).map((output) => ({
      name: output.name,
      path: output.path ?? `out/${output.name}`,
      maxBytes: output.maxBytes ?? jobDefaults.outputMaxBytes,
    })),
    requires: job.requires ?? [],
    prefers: job.prefers ?? [],
    resources: withDefaults(jobDefaults.resources, job.resources),
    timeouts: withDefaults(jobDefaults.timeouts, job.timeouts),
    maxAttempts: job.retry?.maxAttempts ?? jobDefaults.maxAttempts,
    isolationMin: job.isolation?.min ?? 'none',
    maxFailures: job.maxFailures ?? null,
    deadlineAtMs: job.deadlineAtMs === undefined || job.deadlineAtMs === 0 ? null : job.deadlineAtMs,
    priority: job.priority ?? jobDefaults.priority,
    labels: job.labels ?? {},
  };
}

const upstreamJobs = (job: Job): z.infer<typeof jobIdSchema>[] => (job.inputs ?? []).flatMap((input) => ('job' in input.source ? [input.source.job] : []));

/** `given` over `defaults`; a key that is present but undefined takes the default too. */
function withDefaults<K extends string>(defaults: Readonly<Record<K, number>>, given: Partial<Record<K, number | undefined>> = {}): Record<K, number> {
  const filled: Record<K, number> = { ...defaults };
  for (const key in defaults) filled[key] = given[key] ?? defaults[key];
  return filled;
}
