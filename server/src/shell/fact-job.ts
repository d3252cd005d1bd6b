// Which job a fact is about.
import { type JobId, splitTaskId } from '@udcs/protocol';
import type { Fact } from '../core/seam.ts';

/** The job a fact belongs to, or null for facts about workers. */
export function jobOf(fact: Fact): JobId | null {
  switch (fact.type) {
    case 'attempt.opened':
      return splitTaskId(fact.ref.task).jobId;
    case 'worker.seen':
    case 'worker.gone':
      return null;
    case 'task.settled':
    case 'job.counted':
    case 'plan.stepped':
    case 'attempt.ended':
      return fact.job;
  }
}
