// Joins an executor to its type's schema, so that a host can hand it any expanded spec and the executor sees only what the
// schema let through, with every default filled in.
import { UdcsError } from '@udcs/protocol';
import type * as z from 'zod/mini';
import type { ExecutorModule } from './executor.ts';
import type { TaskType } from './task-type.ts';

/**
 * A spec as its type wants it.
 * @throws UdcsError INVALID_INPUT naming the field
 */
export function parseSpec<Spec>(taskType: Pick<TaskType<Spec>, 'type' | 'spec'>, spec: unknown): Spec {
  const parsed = taskType.spec.safeParse(spec);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'spec' : `spec.${issue.path.map(String).join('.')}`;
  throw new UdcsError('INVALID_INPUT', `${taskType.type}: ${where}: ${issue === undefined ? 'does not fit' : wordsOf(issue)}`);
}

/** The mini build of zod brings no sentences of its own. */
function wordsOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown ${issue.keys.length === 1 ? 'key' : 'keys'} ${issue.keys.join(', ')}`;
    case 'invalid_type':
      return `must be ${issue.expected}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_union':
      return 'fits none of the forms it may have';
    case 'invalid_format':
      return 'is not in the right form';
    default:
      return issue.message === 'Invalid input' ? 'does not fit' : issue.message;
  }
}

export function bindExecutor<Spec>(taskType: TaskType<Spec>, executor: ExecutorModule<Spec>): ExecutorModule<unknown> {
  return {
    execute: async (task, host, signal) => executor.execute({ ...task, spec: parseSpec(taskType, task.spec) }, host, signal),
    selfCheck: executor.selfCheck,
  };
}
