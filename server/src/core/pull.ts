// Finds one opening for one worker: highest priority first, then the least served owner, then the classes in turn, then jobs in
// order of arrival. Work per pull is bounded by windows; what did not fit stands in front the next time.
import { type Bits, nextCommon } from './bits.ts';
import { bytesFit, hasFreeSlot, usesFit } from './ledger.ts';
import { checkLoad } from './match/load.ts';
import { vramFits } from './match/pools.ts';
import type { Fleet, Job, Lane, Option, QueueNode, TaskClass, Worker } from './model.ts';
import { hasOpeningFor } from './openings.ts';
import { scoreFor } from './rank/index.ts';
import { leaveToFasterMs } from './rank/tail.ts';

/** Jobs of one line, and classes of one lane, looked at for one worker. */
const JOB_WINDOW = 32;
const CLASS_WINDOW = 128;
/** Estimated work a worker may hold beside what runs. */
const PREFETCH_MS = 100;
const PREFETCH_MOST = 512;

export interface Found {
  readonly job: Job;
  readonly option: Option;
}

export interface Search {
  readonly worker: Worker;
  /** Look for work to hold beside what runs. */
  readonly prefetch: boolean;
  /** Out: how long the worker should wait because faster ones end the job; 0 = nobody said so. */
  waitMs: number;
}

export function findOpening(fleet: Fleet, search: Search): Found | null {
  const { worker } = search;
  const { bucket } = worker;
  if (bucket === null) return null;
  for (const priority of fleet.priorities) {
    const lanes = fleet.lanes.get(priority);
    if (lanes === undefined) continue;
    for (const lane of lanes) {
      const trusted = worker.owner !== null && worker.owner === lane.owner.name;
      const found = searchLane(fleet, lane, trusted ? bucket.trustedClasses : bucket.untrustedClasses, search);
      if (found !== null) return found;
    }
  }
  return null;
}

function searchLane(fleet: Fleet, lane: Lane, runnable: Bits, search: Search): Found | null {
  let from = lane.rotor;
  let wrapped = false;
  for (let looked = 0; looked < CLASS_WINDOW; looked++) {
    const id = nextCommon(lane.nonEmpty, runnable, from);
    if (id < 0 || (wrapped && id >= lane.rotor)) {
      if (wrapped || lane.rotor === 0) return null;
      wrapped = true;
      from = 0;
      continue;
    }
    from = id + 1;
    const taskClass = fleet.classById[id] as TaskClass;
    const node = searchLine(fleet, taskClass, lane.lines.get(id)?.head ?? null, search);
    if (node !== null) {
      lane.rotor = from;
      return node;
    }
  }
  lane.rotor = from;
  return null;
}

function searchLine(fleet: Fleet, taskClass: TaskClass, head: QueueNode | null, search: Search): QueueNode | null {
  const { worker } = search;
  if (head === null || worker.barred?.has(taskClass)) return null;
  if (taskClass.need.live.length > 0 && checkLoad(taskClass.need, worker) !== null) return null;
  if (!search.prefetch && !usesFit(worker, taskClass.need)) return null;
  if (search.prefetch && worker.prefetched.size >= prefetchDepth(taskClass, worker)) return null;
  let best: QueueNode | null = null;
  let bestScore = Number.NEGATIVE_INFINITY;
  let left = JOB_WINDOW;
  for (let node: QueueNode | null = head; node !== null && left > 0; node = node.next, left--) {
    if (!fits(fleet, node, search)) continue;
    const { job } = node;
    if (best === null && job.inputDigests.length === 0) return node;
    const score = job.inputDigests.length === 0 ? 0 : scoreFor(job, worker) - worker.quality;
    if (score > bestScore) {
      best = node;
      bestScore = score;
    }
    // Nothing of it lies here, or all of it: looking further gains little.
    if (worker.cached.size === 0 || score >= 1) break;
  }
  return best;
}

function fits(fleet: Fleet, { job, option }: QueueNode, search: Search): boolean {
  const { worker } = search;
  if (option.exact && !(search.prefetch ? bytesFit(option.need, worker) : usesFit(worker, option.need))) return false;
  if (option.need.vramBytes > 0 && !vramFits(option.need, worker.introduction.capabilities)) return false;
  if (!hasOpeningFor(fleet, job, worker)) return false;
  const waitMs = leaveToFasterMs(fleet, job, option.taskClass, worker);
  if (waitMs === 0) return true;
  search.waitMs = search.waitMs === 0 ? waitMs : Math.min(search.waitMs, waitMs);
  return false;
}

/** How many attempts of this class the worker may hold beside what runs: 100 ms of work, one while unknown. */
export function prefetchDepth(taskClass: TaskClass, worker: Worker): number {
  const paceMs = worker.pace?.get(taskClass);
  if (paceMs === undefined) return 1;
  return Math.min(PREFETCH_MOST, Math.floor((PREFETCH_MS / Math.max(paceMs, 0.1)) * worker.effectiveSlots * worker.dutyShare));
}

export const mayTakeWork = (worker: Worker, monoMs: number): boolean =>
  worker.state === 'online' && worker.effectiveSlots > 0 && worker.restUntilMonoMs <= monoMs;

export const roomKind = (worker: Worker): 0 | 1 => (hasFreeSlot(worker) ? 0 : 1);
