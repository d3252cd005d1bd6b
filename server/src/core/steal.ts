// Idle thieves: when a worker with a free slot finds no opening, attempts that another worker only holds in advance are asked back.
// The holder answers `released`, or it has started and goes on. Never for work that the holder will start at once anyway.
import { couldRun } from './classes.ts';
import { hasFreeSlot, usesFit } from './ledger.ts';
import type { Attempt, Fleet, Worker } from './model.ts';
import { expectedMs } from './pace.ts';
import { mayTakeWork } from './pull.ts';
import { leaveToFasterMs } from './rank/tail.ts';
import type { Turn } from './turn.ts';

/** Holders looked at per idle worker, idle workers per turn. */
const HOLDERS = 8;
const THIEVES = 32;
/** A holder that gets to it within this time keeps it: the way there and back takes as long. */
const SOON_MS = 20;

export function stealForIdle(turn: Turn, asked: readonly Worker[]): void {
  const { fleet, now } = turn;
  if (fleet.hoarders.size === 0) return;
  let thieves = THIEVES;
  for (const thief of asked) {
    if (thieves-- === 0) return;
    if (!mayTakeWork(thief, now.monoMs) || !hasFreeSlot(thief)) continue;
    const attempt = findLoot(fleet, thief);
    if (attempt === null) continue;
    attempt.revoking = true;
    fleet.counters.revoked++;
    turn.revoke(attempt.worker, attempt.ref);
  }
}

function findLoot(fleet: Fleet, thief: Worker): Attempt | null {
  let left = HOLDERS;
  for (const holder of fleet.hoarders) {
    if (left-- === 0) return null;
    if (holder === thief) continue;
    let before = 0;
    let loot: Attempt | null = null;
    for (const attempt of holder.prefetched) {
      if (!holder.attempts.has(attempt)) continue;
      before++;
      if (!attempt.revoking && attempt.state === 'offered' && suits(fleet, attempt, thief)) loot = attempt;
    }
    if (loot === null) continue;
    const paceMs = expectedMs(loot.task.job, loot.taskClass, holder);
    if (paceMs === null || (before * paceMs) / Math.max(1, holder.effectiveSlots) > SOON_MS) return loot;
  }
  return null;
}

function suits(fleet: Fleet, attempt: Attempt, thief: Worker): boolean {
  const { task, need, taskClass } = attempt;
  if (thief.barred?.has(taskClass) || task.past.hosts.includes(thief.host) || !usesFit(thief, need)) return false;
  const option = task.job.options.find((candidate) => candidate.taskClass === taskClass && candidate.need === need);
  return option !== undefined && couldRun(option, thief, task.job.record.owner) && leaveToFasterMs(fleet, task.job, taskClass, thief) === 0;
}
