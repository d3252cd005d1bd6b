// Which share of the job's inputs the worker already holds, 0..1.
import type { Job, Worker } from '../model.ts';

export function scoreCached(job: Job, worker: Worker): number {
  const { inputDigests } = job;
  if (inputDigests.length === 0) return 0;
  let held = 0;
  for (const digest of inputDigests) if (worker.cached.has(digest)) held++;
  return held / inputDigests.length;
}
