// What a task type is: one folder under tasks/src/types with a contract (this interface, pure, runs everywhere) and one
// executor per side (executor.ts). Adding one touches its folder and one line per registry.
import type { Digest, IsolationLevel, JobSpec, Predicate, TaskTypeName } from '@udcs/protocol';
import type * as z from 'zod/mini';
import type { Plan } from './plan.ts';

export interface TaskType<Spec = unknown> {
  readonly type: TaskTypeName;
  /** One sentence for lists and the submit form. */
  readonly summary: string;
  /** Strict schema of `spec`; text fields may hold `${index}` and `${entry.x}` (see protocol/src/expand.ts). */
  readonly spec: z.ZodMiniType<Spec>;
  /** Artifacts the spec itself names (a module, executables): they must exist at submit and the worker may read them. */
  artifacts(spec: Spec): readonly Digest[];
  /** Sets of hard wishes; a worker must meet every predicate of at least one set. `[[]]` = no wish. */
  alternatives(spec: Spec): readonly (readonly Predicate[])[];
  /** Level its executors always meet; null = the level of the worker's sandbox counts. */
  readonly isolation: IsolationLevel | null;
  /** Cross-field checks a schema can not say. Returns what is wrong, as a sentence, or null. */
  check(spec: Spec, job: JobSpec): string | null;
  /** For donors: what this task does on their machine, in plain words, one sentence. */
  describe(spec: Spec, job: JobSpec): string;
  /** Absent: the job is a plain array and a built-in counter plans it. */
  readonly plan?: Plan;
  /** Absent: every job of a type that has a plan uses it. Given the first variant's spec, tells whether this job does. */
  isPlanned?(spec: Spec): boolean;
}

/** Whether a job's tasks come from its type's plan; otherwise the built-in counter plans it. */
export const isPlanned = <Spec>(taskType: TaskType<Spec>, spec: Spec): boolean => taskType.plan !== undefined && (taskType.isPlanned?.(spec) ?? true);

/** Declares a task type; only here so that `Spec` is inferred from the schema. */
export function defineTaskType<Spec>(taskType: TaskType<Spec>): TaskType<Spec> {
  return taskType;
}
