import type { ProcedureOutput, WorkerView } from '@udcs/protocol';

export const noWorkers: ReadonlyMap<string, WorkerView> = new Map();

/** The connected workers after one more change. */
export function foldWorkers(before: ReadonlyMap<string, WorkerView>, change: ProcedureOutput<'workers.changes'>): ReadonlyMap<string, WorkerView> {
  const after = new Map(before);
  for (const worker of change.workers) after.set(worker.id, worker);
  for (const id of change.gone) after.delete(id);
  return after;
}
