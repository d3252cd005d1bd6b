// The whole policy of who may run what: two lists of checkers, cheapest first. The first that says no is the reason.
import type { Reason } from '@udcs/protocol';
import type { Need, Worker } from '../model.ts';
import type { LiveChecker, StaticChecker, StaticSubject } from './checker.ts';
import { checkIsolation } from './isolation.ts';
import { checkLoad } from './load.ts';
import { checkOnline, checkPaused } from './online.ts';
import { checkPolicy } from './policy.ts';
import { checkCpus, checkDisk, checkGpus, checkMemory, checkVram } from './pools.ts';
import { checkRequires } from './requires.ts';
import { checkRoom } from './room.ts';
import { checkType } from './type.ts';
import { checkWeakLimits } from './weak-limits.ts';

const staticCheckers: readonly StaticChecker[] = [
  checkType,
  checkPolicy,
  checkCpus,
  checkMemory,
  checkDisk,
  checkGpus,
  checkVram,
  checkIsolation,
  checkWeakLimits,
  checkRequires,
];
const liveCheckers: readonly LiveChecker[] = [checkOnline, checkPaused, checkLoad, checkRoom];

/** Why no worker like this can ever run it, or null. */
export function whyNever(need: Need, subject: StaticSubject): Reason | null {
  for (const check of staticCheckers) {
    const reason = check(need, subject);
    if (reason !== null) return reason;
  }
  return null;
}

/** Why this worker can not run it at this moment, or null. */
export function whyNotNow(need: Need, worker: Worker): Reason | null {
  for (const check of liveCheckers) {
    const reason = check(need, worker);
    if (reason !== null) return reason;
  }
  return null;
}

export const subjectOf = (worker: Worker, jobOwner: string): StaticSubject => ({
  kind: worker.introduction.kind,
  capabilities: worker.introduction.capabilities,
  trusted: worker.owner !== null && worker.owner === jobOwner,
});

/** Every static reason at once, for the nearest miss: a worker with one fault is nearer than one with three. */
export const allWhyNever = (need: Need, subject: StaticSubject): Reason[] => staticCheckers.flatMap((check) => check(need, subject) ?? []);
