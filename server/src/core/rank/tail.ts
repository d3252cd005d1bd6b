// The end of a job: a slow worker must not take one of the last tasks that a faster one would finish earlier. Its own and the
// others' times come from the tasks of this job that they have done.
import type { Fleet, Job, TaskClass, Worker } from '../model.ts';
import { expectedMs } from '../pace.ts';
import { openingsOf } from '../queues.ts';

/** Faster workers looked at. */
const WINDOW = 64;
/** Below this nobody waits: a round trip costs as much. */
const SHORT_MS = 20;

/** How long to leave the job's openings to faster workers, in ms; 0 = take one now. */
export function leaveToFasterMs(fleet: Fleet, job: Job, taskClass: TaskClass, worker: Worker): number {
  if (job.pace === null || job.pace.size < 2 || job.paceMs === null) return 0;
  const own = expectedMs(job, taskClass, worker) ?? fromSpeed(fleet, job, worker);
  if (own === null || own < SHORT_MS) return 0;
  const openings = openingsOf(job);
  let slotsPerMs = 0;
  let slowestMs = 0;
  let seen = 0;
  for (const [id, paceMs] of job.pace) {
    if (++seen > WINDOW) break;
    const other = fleet.workers.get(id);
    if (other === undefined || other === worker || paceMs * 1.5 > own || other.state !== 'online' || other.effectiveSlots === 0) continue;
    slotsPerMs += (other.effectiveSlots * other.dutyShare) / paceMs;
    slowestMs = Math.max(slowestMs, paceMs);
  }
  if (slotsPerMs === 0) return 0;
  // One task each is under way there; then the openings, shared among them.
  const theirsMs = slowestMs + openings / slotsPerMs;
  return theirsMs < own ? Math.ceil(Math.max(SHORT_MS, Math.min(1_000, theirsMs / 2))) : 0;
}

/** A worker that has done none of this job yet: judged by its benchmark against one that has. */
function fromSpeed(fleet: Fleet, job: Job, worker: Worker): number | null {
  const speed = worker.introduction.capabilities.attributes['speed.wasm'];
  if (typeof speed !== 'number' || speed <= 0) return null;
  for (const [id, paceMs] of job.pace ?? []) {
    const known = fleet.workers.get(id)?.introduction.capabilities.attributes['speed.wasm'];
    if (typeof known === 'number' && known > 0) return (paceMs * known) / speed;
  }
  return null;
}
