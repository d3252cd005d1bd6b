// Weighs the misses that explain() found: which is the nearest, what would turn it into a match, how many workers fail each check.
import type { ExplainView, Reason } from '@udcs/protocol';
import type { Miss } from './explain.ts';

/** How hard a fault is to mend, when it is the only one. */
const EFFORT: Readonly<Record<Reason['code'], number>> = {
  BUSY: 0,
  BACKOFF: 0,
  LOAD: 1,
  BLOCKED: 1,
  EXCLUDED: 2,
  BARRED: 3,
  PAUSED: 3,
  NOT_ONLINE: 4,
  CPUS: 5,
  MEMORY: 5,
  DISK: 5,
  GPUS: 7,
  VRAM: 6,
  REQUIRES: 8,
  ISOLATION: 8,
  POLICY: 9,
  WEAK_LIMITS: 9,
  MISSING_ATTR: 10,
  TYPE: 11,
};

const amount = (reason: Reason): number => reason.missingBy ?? 0;

/** The miss with the fewest faults, then the easiest to mend, then the smallest. Null when a worker can take it now, or none is here. */
export function nearestMiss(misses: readonly Miss[]): Miss | null {
  let nearest: Miss | null = null;
  for (const miss of misses) {
    if (miss.reason === null) return null;
    if (nearest === null || nearest.reason === null || isNearer(miss, miss.reason, nearest, nearest.reason)) nearest = miss;
  }
  return nearest;
}

function isNearer(a: Miss, reasonA: Reason, b: Miss, reasonB: Reason): boolean {
  if (a.faults.length !== b.faults.length) return a.faults.length < b.faults.length;
  const effort = EFFORT[reasonA.code] - EFFORT[reasonB.code];
  return effort !== 0 ? effort < 0 : amount(reasonA) < amount(reasonB);
}

/** "Lower resources.memoryBytes to 1.5 GB and 3 workers fit": everybody counts who fails this check alone and by no more. */
export function suggestionFor(nearest: Miss, misses: readonly Miss[]): string | null {
  const { reason, faults } = nearest;
  if (reason === null) return null;
  const change = reason.change ?? 'Connect another worker';
  if (faults.length === 0) return change;
  if (faults.length > 1) return `${change}; ${faults.length - 1} more ${faults.length === 2 ? 'check fails' : 'checks fail'} there`;
  const fit = misses.filter((miss) => isMendedBy(miss, reason)).length;
  return `${change} and ${fit} ${fit === 1 ? 'worker fits' : 'workers fit'}`;
}

function isMendedBy({ faults }: Miss, reason: Reason): boolean {
  const only = faults.length === 1 ? faults[0] : undefined;
  if (only === undefined) return faults.length === 0;
  return (
    only.code === reason.code && (reason.missingBy === null ? only.change === reason.change : only.missingBy !== null && only.missingBy <= reason.missingBy)
  );
}

export function tallyOf(misses: readonly Miss[]): ExplainView['tally'] {
  const tally = new Map<Reason['code'], { code: Reason['code']; workers: number; message: string }>();
  for (const { reason } of misses) {
    if (reason === null) continue;
    const known = tally.get(reason.code);
    if (known === undefined) tally.set(reason.code, { code: reason.code, workers: 1, message: reason.message });
    else known.workers++;
  }
  return [...tally.values()].sort((a, b) => b.workers - a.workers);
}
