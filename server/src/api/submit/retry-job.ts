// What "retry" submits: the failed and canceled tasks of an ended job as a new job. Exact or not at all: a task that could see
// another index than before would do other work, so such jobs are refused with the reason instead.
import { type Entry, type Job, type JobSpec, type JobView, type TaskView, UdcsError } from '@udcs/protocol';
import type { PageOf } from '../ports.ts';

type TaskPages = (state: 'failed' | 'canceled', cursor: string | undefined) => Promise<PageOf<TaskView>>;

/**
 * - all tasks failed or were canceled: the same job again
 * - some did, inline entries, and no text of the job uses `${index}` or `${count}`: the entries of those tasks
 * - otherwise NOT_YET, with the reason
 * @throws UdcsError CONFLICT when there is nothing to retry
 */
export async function retryJob(spec: JobSpec, view: JobView, pages: TaskPages): Promise<Job> {
  if (view.endedAtMs === null) throw new UdcsError('CONFLICT', `job ${view.id} has not ended yet`, { hint: 'wait for it, or cancel it first' });
  const lost = view.counts.failed + view.counts.canceled;
  if (lost === 0) throw new UdcsError('CONFLICT', `all ${view.counts.total} tasks of job ${view.id} succeeded; there is nothing to retry`);
  const again = { ...jobOf(spec), idempotencyKey: `retry:${view.id}` };
  if (lost === view.counts.total) return again;
  const entries = spec.entries;
  if (!Array.isArray(entries)) throw inexact('its array has no inline entries, so the tasks would get other indexes');
  if (/\$\{(index|count)\}/.test(JSON.stringify([spec.variants, spec.inputs, spec.outputs])))
    throw inexact('it uses ${index} or ${count}, which would differ in the new job');
  if (spec.variants.some((variant) => variant.type === 'WGSL_KERNEL'))
    throw inexact('its kernel may read the index of its task, which would differ in the new job');
  const indexes = (await Promise.all([indexesOf(pages, 'failed'), indexesOf(pages, 'canceled')])).flat().sort((a, b) => a - b);
  return { ...again, array: { entries: indexes.map((index) => (entries as readonly Entry[])[index] as Entry) } };
}

const inexact = (why: string): UdcsError =>
  new UdcsError('NOT_YET', `only a part of this job failed, and ${why}`, { hint: 'submit the job again with entries that name the missing pieces' });

async function indexesOf(pages: TaskPages, state: 'failed' | 'canceled'): Promise<number[]> {
  const indexes: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await pages(state, cursor);
    for (const task of page.items) indexes.push(task.index);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return indexes;
}

/** The submitted form of a stored job; normalising it gives the same spec, without the deadline of the first try. */
export function jobOf(spec: JobSpec): Job {
  const array = !spec.isArray
    ? undefined
    : spec.entries === null
      ? { count: spec.count }
      : 'digest' in spec.entries
        ? { entries: spec.entries.digest as `sha256:${string}`, count: spec.count }
        : { entries: [...spec.entries] };
  const implied = new Set(spec.inputs.flatMap((input) => ('job' in input.source ? [input.source.job] : [])));
  return {
    ...(spec.name === '' ? {} : { name: spec.name }),
    variants: spec.variants.map((variant) => ({ type: variant.type, spec: variant.spec, requires: variant.requires })),
    ...(array === undefined ? {} : { array }),
    after: spec.after.filter((id) => !implied.has(id)),
    afterAny: [...spec.afterAny],
    inputs: [...spec.inputs],
    outputs: spec.outputs.map((output) => ({ ...output })),
    requires: spec.requires,
    prefers: spec.prefers,
    resources: spec.resources,
    timeouts: spec.timeouts,
    retry: { maxAttempts: spec.maxAttempts },
    isolation: { min: spec.isolationMin },
    ...(spec.maxFailures === null ? {} : { maxFailures: spec.maxFailures }),
    priority: spec.priority,
    labels: spec.labels,
  };
}
