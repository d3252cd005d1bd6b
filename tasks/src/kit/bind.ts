// Joins an executor to its type's schema, so that a host can hand it any expanded spec and the executor sees only what the
// schema let through, with every default filled in.
import { UdcsError } from '@udcs/protocol';
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
  throw new UdcsError('INVALID_INPUT', `${taskType.type}: ${where}: ${issue?.message ?? 'does not fit'}`);
}

export function bindExecutor<Spec>(taskType: TaskType<Spec>, executor: ExecutorModule<Spec>): ExecutorModule<unknown> {
  return {
    execute: async (task, host, signal) => executor.execute({ ...task, spec: parseSpec(taskType, task.spec) }, host, signal),
    selfCheck: executor.selfCheck,
  };
}
