// What the demo counts, all of it from outside the coordinator's database: the client's stream says what settled and how often, the
// attempts' records say who made it.
import type { Grid } from '@udcs/client';
import type { AttemptView, JobId } from '@udcs/protocol';

export interface PartTally {
  readonly tasks: number;
  readonly seconds: number;
  /** Tasks by the worker that made them. */
  readonly byWorker: Readonly<Record<string, number>>;
  readonly attemptsLost: number;
  readonly tasksRepeated: number;
  /** Times the stream delivered a task that it had delivered before: has to be 0. */
  readonly countedTwice: number;
}

export async function attemptsOf(grid: Grid, id: JobId): Promise<AttemptView[]> {
  const attempts: AttemptView[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: AttemptView[]; nextCursor: string | null } = await grid.call('jobs.attempts', {
      id,
      limit: 500,
      ...(cursor === '' ? {} : { cursor }),
    });
    attempts.push(...page.items);
    cursor = page.nextCursor;
  }
  return attempts;
}

export function tally(attempts: readonly AttemptView[], tasks: number, countedTwice: number, startedMs: number): PartTally {
  const byWorker: Record<string, number> = {};
  const tries = new Map<string, number>();
  let attemptsLost = 0;
  for (const attempt of attempts) {
    tries.set(attempt.task, (tries.get(attempt.task) ?? 0) + 1);
    if (attempt.state === 'lost') attemptsLost += 1;
    if (attempt.state !== 'succeeded') continue;
    const maker = `${attempt.workerName} (${attempt.workerKind === 'browser' ? 'tab' : 'native'})`;
    byWorker[maker] = (byWorker[maker] ?? 0) + 1;
  }
  return {
    tasks,
    seconds: (performance.now() - startedMs) / 1000,
    byWorker,
    attemptsLost,
    tasksRepeated: [...tries.values()].filter((count) => count > 1).length,
    countedTwice,
  };
}
