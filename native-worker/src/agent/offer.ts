// From an assignment to something this worker can judge and run: the job's header is checked once, the task expanded. The wire
// carries jobs as plain records; this is where they become typed.
import { type Assignment, type AttemptRef, type ExpandedTask, expandTask, type Grant, type JobHeader, type JobSpec, UdcsError } from '@udcs/protocol';
import type { TaskOutput } from '@udcs/tasks';
import { attemptName } from './transfer.ts';

export interface Offer {
  readonly ref: AttemptRef;
  /** `<task>/<epoch>/<attempt>` */
  readonly name: string;
  readonly owner: string;
  readonly trusted: boolean;
  readonly job: JobSpec;
  readonly jobId: JobHeader['id'];
  readonly index: number;
  readonly expanded: ExpandedTask;
  readonly outputs: readonly TaskOutput[];
  readonly grant: Grant;
  /** Owner, job and code: attempts that share it may share an executor. */
  readonly reuseKey: string;
}

/** @throws UdcsError INVALID_INPUT when the job or the assignment is not understood */
export function readOffer(header: JobHeader, task: Assignment, grant: Grant): Offer {
  const { job } = header;
  if (!isJobSpec(job))
    throw new UdcsError('INVALID_INPUT', 'the job that came with this task is not understood; are worker and coordinator of the same version?');
  const expanded = expandTask(job, task.variant, task.index, task.entry ?? null);
  const ref = { task: task.task, epoch: task.epoch, attempt: task.attempt };
  return {
    ref,
    name: attemptName(ref),
    owner: header.owner,
    trusted: header.trusted,
    job,
    jobId: header.id,
    index: task.index,
    // A plan's piece brings its own spec: it was made for this task, nothing is left to expand.
    expanded: task.spec === undefined ? expanded : { ...expanded, spec: task.spec },
    outputs: expanded.outputs,
    grant,
    // Code stands in no field that is expanded per task, so job and variant name it; a piece may bring other code.
    reuseKey: task.spec === undefined ? `${header.owner}\n${header.id}\n${task.variant}` : `${header.owner}\n${header.id}\n${task.task}`,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const hasNumbers = (value: unknown, names: readonly string[]): boolean => isRecord(value) && names.every((name) => typeof value[name] === 'number');

function isJobSpec(job: Record<string, unknown>): job is Record<string, unknown> & JobSpec {
  return (
    Array.isArray(job['variants']) &&
    job['variants'].every((variant) => isRecord(variant) && typeof variant['type'] === 'string' && isRecord(variant['spec'])) &&
    typeof job['count'] === 'number' &&
    typeof job['isolationMin'] === 'string' &&
    Array.isArray(job['inputs']) &&
    job['inputs'].every((input) => isRecord(input) && typeof input['name'] === 'string' && isRecord(input['source'])) &&
    Array.isArray(job['outputs']) &&
    job['outputs'].every(
      (output) => isRecord(output) && typeof output['name'] === 'string' && typeof output['path'] === 'string' && typeof output['maxBytes'] === 'number',
    ) &&
    hasNumbers(job['resources'], ['cpus', 'memoryBytes', 'diskBytes', 'gpus', 'vramBytes']) &&
    hasNumbers(job['timeouts'], ['executionMs', 'noProgressMs'])
  );
}
