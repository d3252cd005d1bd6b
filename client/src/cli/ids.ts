// Ids that a person typed or pasted, checked before anything is asked of the coordinator.
import { type JobId, jobIdSchema, type TaskId, type TokenId, taskIdSchema, tokenIdSchema, UdcsError } from '@udcs/protocol';

/** A job's id; a task's id stands for its job. @throws UdcsError INVALID_INPUT */
export function jobIdOf(text: string): JobId {
  const parsed = jobIdSchema.safeParse(text.split('.')[0]);
  if (parsed.success) return parsed.data;
  throw new UdcsError('INVALID_INPUT', `"${text}" is not the id of a job`, { hint: 'ids look like job_01jc… ; `udcs jobs` lists them' });
}

/** @throws UdcsError INVALID_INPUT */
export function taskIdOf(job: JobId, text: string): TaskId {
  const parsed = taskIdSchema.safeParse(text.startsWith('job_') ? text : `${job}.${text}`);
  if (parsed.success) return parsed.data as TaskId;
  throw new UdcsError('INVALID_INPUT', `"${text}" is not a task`, { hint: 'give its index, or its id as job_….<index>' });
}

/** @throws UdcsError INVALID_INPUT */
export function tokenIdOf(text: string): TokenId {
  const parsed = tokenIdSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UdcsError('INVALID_INPUT', `"${text}" is not the id of a token or invite`, { hint: 'ids look like tok_01jc… ; `udcs token list` lists them' });
}
