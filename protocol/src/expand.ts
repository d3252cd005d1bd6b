// From a job and an index to one task: `${index}` and `${entry.name}` are replaced in text, nowhere else, with no
// expressions. The coordinator checks the first and last task at submit; the worker expands what it runs.
import { UdcsError } from './errors.ts';
import type { Entry, JobSpec } from './job.ts';

/** What an executor is handed: one variant of one task with every `${…}` replaced. */
export interface ExpandedTask {
  readonly type: JobSpec['variants'][number]['type'];
  readonly spec: Record<string, unknown>;
  readonly inputs: JobSpec['inputs'];
  readonly outputs: JobSpec['outputs'];
}

const PLACEHOLDER = /\$\{([^}]*)\}/g;

/**
 * Replaces `${index}`, `${count}` and `${entry.<name>}` in one text.
 * @throws UdcsError INVALID_INPUT for an unknown name
 */
export function substitute(text: string, scope: { index: number; count: number; entry: Entry | null }): string {
  if (!text.includes('${')) return text;
  return text.replace(PLACEHOLDER, (whole, name: string) => {
    if (name === 'index') return String(scope.index);
    if (name === 'count') return String(scope.count);
    const value = name.startsWith('entry.') && scope.entry !== null ? scope.entry[name.slice('entry.'.length)] : undefined;
    if (value === undefined)
      throw new UdcsError('INVALID_INPUT', `${whole} is not known here`, {
        hint: 'use ${index}, ${count} or ${entry.<name>} with a name that every entry has',
      });
    return String(value);
  });
}

function substituteDeep(value: unknown, scope: Parameters<typeof substitute>[1]): unknown {
  if (typeof value === 'string') return substitute(value, scope);
  if (Array.isArray(value)) return value.map((item) => substituteDeep(item, scope));
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substituteDeep(item, scope)]));
  return value;
}

/** Fields of a spec in which `${…}` is replaced. `code`, `source` and binary fields are left alone on purpose. */
const TEXT_FIELDS = ['args', 'env', 'stdin', 'params', 'values', 'bindings', 'overrides'] as const;

/**
 * One task of a job.
 * @param variant position in `job.variants`
 * @param entry the array entry at `index`, or null
 */
export function expandTask(job: JobSpec, variant: number, index: number, entry: Entry | null): ExpandedTask {
  const scope = { index, count: job.count, entry };
  const chosen = job.variants[variant];
  if (chosen === undefined) throw new UdcsError('INTERNAL', `job has no variant ${variant}`);
  const spec: Record<string, unknown> = { ...chosen.spec };
  for (const field of TEXT_FIELDS) if (spec[field] !== undefined) spec[field] = substituteDeep(spec[field], scope);
  return {
    type: chosen.type,
    spec,
    inputs: job.inputs.map((input) => ({
      name: input.name,
      ...(input.path === undefined ? {} : { path: substitute(input.path, scope) }),
      source: substituteDeep(input.source, scope) as typeof input.source,
    })),
    outputs: job.outputs.map((output) => ({ ...output, path: substitute(output.path, scope) })),
  };
}

/** The environment variables every WASI and native task sees (DESIGN §6). */
export const taskEnvironment = (task: { jobId: string; taskId: string; index: number; count: number; attempt: number }): Record<string, string> => ({
  UDCS_JOB: task.jobId,
  UDCS_TASK: task.taskId,
  UDCS_INDEX: String(task.index),
  UDCS_COUNT: String(task.count),
  UDCS_ATTEMPT: String(task.attempt),
});
