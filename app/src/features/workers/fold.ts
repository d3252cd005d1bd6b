// The connected workers, live.
import type { ProcedureOutput, WorkerView } from '@udcs/protocol';

type Workers = ReadonlyMap<string, WorkerView>;

/** The connected workers after one more change. */
function fold(before: Workers, change: ProcedureOutput<'workers.changes'>): Workers {
  const after = new Map(before);
  for (const worker of change.workers) after.set(worker.id, worker);
  for (const id of change.gone) after.delete(id);
  return after;
}

export const workerChanges = { initial: new Map<string, WorkerView>() as Workers, fold };
