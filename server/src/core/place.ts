// Assigns openings to workers, once per turn of the loop. Two passes: first every free slot of every worker, spread one at a time
// over the workers in order of quality; then what workers may hold in advance. Workers that find nothing are parked in their bucket
// until a class they can run gets openings, so that an idle fleet costs nothing.
import { type Assignment, advance, attemptMachine, limits, taskIdOf, taskMachine } from '@udcs/protocol';
import { nextCommon } from './bits.ts';
import { park, unpark } from './classes.ts';
import { hasFreeSlot, takeRoom } from './ledger.ts';
import type { Fleet, Job, TaskClass, Worker } from './model.ts';
import { takeOpening } from './openings.ts';
import { chargeStart } from './pace.ts';
import { type Found, findOpening, mayTakeWork, roomKind, type Search } from './pull.ts';
import { dequeueIfEmpty, sortLanes } from './queues.ts';
import { scoreFor } from './rank/index.ts';
import type { Now, Outcome } from './seam.ts';
import { stealForIdle } from './steal.ts';
import { Attempt, keyOf } from './task.ts';
import { Turn } from './turn.ts';

/** Looked up once: it is the same for every assignment. */
const ASSIGNED = advance(taskMachine, 'ready', 'assigned');

/** Parked workers asked per class and turn beyond its new openings: the choice that ranking gets. */
const CHOICE = 32;

/**
 * @param budget assignments made at most in this turn; when work is left, `wakeAtMs` is now
 */
export function place(fleet: Fleet, now: Now, budget: number): Outcome {
  const turn = new Turn(fleet, now);
  if (fleet.draining) return turn.finish();
  for (const lanes of fleet.lanes.values()) if (lanes.length > 1) sortLanes(lanes);
  wakeParked(fleet);
  if (fleet.wanting.size === 0) return turn.finish(fleet.dirty.size > 0 ? now.monoMs : undefined);
  const asked = inOrder(fleet, budget);
  let left = spread(turn, asked, false, budget);
  left = spread(turn, asked, true, left);
  if (left > 0) {
    for (const worker of asked) settleDown(fleet, worker, now.monoMs);
    stealForIdle(turn, asked);
  }
  const unfinished = left === 0 || fleet.wanting.size > 0 || fleet.dirty.size > 0;
  return turn.finish(unfinished ? now.monoMs : undefined);
}

/** Moves parked workers that could run classes with new openings to `wanting`, oldest first and only as many as can be served. */
function wakeParked(fleet: Fleet): void {
  for (const taskClass of fleet.dirty) {
    if (taskClass.lines === 0) {
      taskClass.added = 0;
      fleet.dirty.delete(taskClass);
      continue;
    }
    let wanted = Math.max(CHOICE, taskClass.added);
    taskClass.added = 0;
    wanted = wakeKind(fleet, taskClass, 0, wanted);
    wanted = wakeKind(fleet, taskClass, 1, wanted);
    // All that were parked before the openings came have been asked.
    if (wanted > 0) fleet.dirty.delete(taskClass);
  }
}

function wakeKind(fleet: Fleet, taskClass: TaskClass, room: 0 | 1, wanted: number): number {
  let left = wanted;
  for (
    let id = nextCommon(taskClass.trustedBuckets, fleet.parkedBuckets[room], 0);
    id >= 0 && left > 0;
    id = nextCommon(taskClass.trustedBuckets, fleet.parkedBuckets[room], id + 1)
  ) {
    const bucket = fleet.bucketById[id];
    if (bucket === undefined) continue;
    for (const worker of bucket.parked[room]) {
      if (left === 0 || worker.parkedTurn > taskClass.dirtyTurn) break;
      unpark(fleet, worker);
      fleet.wanting.add(worker);
      left--;
    }
  }
  return left;
}

/** The workers to ask, best first; when more wait than the budget can serve, those that waited longest. */
function inOrder(fleet: Fleet, budget: number): Worker[] {
  const asked = fleet.wanting.size <= budget ? [...fleet.wanting] : fleet.wanting.rotate(budget);
  if (asked.length > 1 && asked.length <= 2 * CHOICE) {
    const head = frontJob(fleet);
    const scores = new Map(asked.map((worker) => [worker, head === null ? worker.quality : scoreFor(head, worker)]));
    return asked.sort((a, b) => (scores.get(b) as number) - (scores.get(a) as number));
  }
  return asked.sort((a, b) => b.quality - a.quality);
}

/** The job that is served next, as far as one can say for all workers. */
function frontJob(fleet: Fleet): Job | null {
  const lane = fleet.lanes.get(fleet.priorities[0] ?? -1)?.[0];
  for (const line of lane?.lines.values() ?? []) if (line.head !== null) return line.head.job;
  return null;
}

/** Rounds over the workers, one assignment each, until nobody finds more or the budget is used. Returns what is left of it. */
function spread(turn: Turn, asked: readonly Worker[], prefetch: boolean, budget: number): number {
  const { fleet, now } = turn;
  let left = budget;
  let round = asked;
  while (round.length > 0 && left > 0) {
    const again: Worker[] = [];
    for (const worker of round) {
      if (left === 0) break;
      if (fleet.priorities.length === 0) return left;
      if (!mayTakeWork(worker, now.monoMs) || (!prefetch && !hasFreeSlot(worker))) continue;
      const search: Search = { worker, prefetch, waitMs: 0 };
      const found = findOpening(fleet, search);
      if (found === null) {
        if (search.waitMs > 0) restFor(turn, worker, search.waitMs);
        continue;
      }
      if (!assign(turn, worker, found, !prefetch)) continue;
      left--;
      again.push(worker);
    }
    round = again;
  }
  return left;
}

/** Asks the worker again after a while, without holding it back from other work that comes. */
function restFor(turn: Turn, worker: Worker, waitMs: number): void {
  turn.fleet.timers.set(turn.now.monoMs + waitMs, { kind: 'rested', worker });
}

function settleDown(fleet: Fleet, worker: Worker, monoMs: number): void {
  fleet.wanting.delete(worker);
  if (mayTakeWork(worker, monoMs)) park(fleet, worker, roomKind(worker));
}

function assign(turn: Turn, worker: Worker, { job, option }: Found, hasRoom: boolean): boolean {
  const { fleet, now } = turn;
  const task = takeOpening(fleet, job, worker);
  if (task === null) return false;
  dequeueIfEmpty(fleet, job);
  const attempt = new Attempt(task, { epoch: fleet.epoch, attempt: ++task.attempts }, worker, option, now);
  attempt.hasRoom = hasRoom;
  attach(fleet, attempt, worker);
  chargeStart(job, attempt, worker);
  fleet.counters.assigned++;
  turn.assign(worker, assignmentOf(attempt, option.variant));
  armJournal(fleet, attempt);
  return true;
}

/** Makes the attempt live: in its task, its worker and the worker's ledger. */
export function attach(fleet: Fleet, attempt: Attempt, worker: Worker): void {
  const { task } = attempt;
  task.opened(attempt);
  if (task.state === 'ready') {
    task.state = ASSIGNED;
    task.job.active++;
  }
  worker.attempts.add(attempt);
  if (attempt.hasRoom) takeRoom(worker, attempt.need);
  else {
    worker.prefetched.add(attempt);
    fleet.hoarders.add(worker);
  }
}

function assignmentOf({ task: { job, index }, epoch, number }: Attempt, variant: number): Assignment {
  const { plan } = job;
  if (plan === null) {
    const { entries } = job.record.spec;
    // Written out twice on purpose: an object that never grows is a fifth of the price of one that is spread and added to.
    const task = taskIdOf(job.id, String(index));
    return Array.isArray(entries) ? { task, epoch, attempt: number, variant, index, entry: entries[index] } : { task, epoch, attempt: number, variant, index };
  }
  const piece = plan.pieces[index];
  const assignment: Assignment = { task: taskIdOf(job.id, keyOf(job, index)), epoch, attempt: number, variant, index };
  if (piece === undefined) return assignment;
  if (piece.entry !== null) assignment.entry = piece.entry;
  assignment.spec = piece.spec;
  return assignment;
}

export function armJournal(fleet: Fleet, attempt: Attempt): void {
  fleet.journal.push(attempt);
  if (fleet.journalArmed) return;
  fleet.journalArmed = true;
  fleet.timers.set(attempt.assigned.monoMs + limits.journalAfterMs, { kind: 'journal' });
}

/** A prefetched attempt gets room as soon as there is some, oldest first: the worker starts it then. */
export function promote(fleet: Fleet, worker: Worker): void {
  for (const attempt of worker.prefetched) {
    if (!hasFreeSlot(worker)) return;
    if (worker.attempts.has(attempt)) giveRoomTo(fleet, worker, attempt);
  }
}

export function giveRoomTo(fleet: Fleet, worker: Worker, attempt: Attempt): void {
  attempt.hasRoom = true;
  takeRoom(worker, attempt.need);
  worker.prefetched.delete(attempt);
  if (worker.prefetched.size === 0) fleet.hoarders.delete(worker);
}

/** For tests and readers: whether an attempt counts as open. */
export const isOpen = (attempt: Attempt): boolean => Object.keys(attemptMachine[attempt.state]).length > 0;
