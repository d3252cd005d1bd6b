// Draws the conclusions of what ended in a turn: plans learn what settled, dependents which jobs ended, and so on until nothing
// more follows. It stands above settle.ts, so that ending a thing never calls back into deciding what comes next.
import { upstreamEnded } from './depend.ts';
import { planLearns } from './plan.ts';
import { outcomeOf } from './settle.ts';
import type { Turn } from './turn.ts';

export function followUp(turn: Turn): void {
  while (turn.lessons.size > 0 || turn.ended.length > 0) {
    for (const [job, events] of turn.lessons) {
      turn.lessons.delete(job);
      planLearns(turn, job, events);
    }
    for (const job of turn.ended.splice(0)) upstreamEnded(turn, job.id, outcomeOf(job));
  }
}
