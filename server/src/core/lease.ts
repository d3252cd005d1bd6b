// Workers come, renew, fall silent, come back and go; with them the leases of their attempts. A worker that fell silent keeps its
// attempts until its lease ends; one whose socket closed, until its grace ends.
import { type AttemptRef, advance, attemptMachine, limits, splitTaskId, type WorkerId, workerMachine } from '@udcs/protocol';
import { armAttempt } from './arm.ts';
import { Chain } from './chain.ts';
import { enterBucket, leaveBucket, unpark } from './classes.ts';
import { freeRoom, refKey } from './close.ts';
import { Fifo } from './fifo.ts';
import { capacityOf, emptyLedger } from './ledger.ts';
import type { Fleet, Introduction, Job, Worker } from './model.ts';
import { indexOf, isSettled, withdraw } from './openings.ts';
import { armJournal, attach } from './place.ts';
import { dequeueIfEmpty } from './queues.ts';
import { qualityOf } from './rank/index.ts';
import { applyLoad } from './rank/load.ts';
import { findAttempt } from './report.ts';
import { decideLost, decideTakenBack } from './retry.ts';
import type { CoreEvent, WorkerIntroduction } from './seam.ts';
import { Attempt, Task } from './task.ts';
import type { Turn } from './turn.ts';

type EventOf<T extends CoreEvent['type']> = Extract<CoreEvent, { type: T }>;

/** Two renewals missed. */
const SILENT_MS = 2 * limits.renewMs;

export function joined(turn: Turn, { introduction: given }: EventOf<'worker.joined'>): void {
  const { fleet, now } = turn;
  const { holding, unproven, load, cached, ...introduction } = given;
  let worker = fleet.workers.get(introduction.worker);
  if (worker === undefined) {
    worker = makeWorker(introduction, given, turn);
    fleet.workers.set(worker.id, worker);
  }
  worker.introduction = introduction;
  worker.capacity = capacityOf(introduction.capabilities);
  worker.load = load;
  worker.cached.clear();
  for (const digest of cached) worker.cached.add(digest);
  worker.drained = false;
  if (worker.state === 'suspect') worker.state = advance(workerMachine, worker.state, 'heard');
  else if (worker.state === 'draining') worker.state = advance(workerMachine, worker.state, 'resumed');
  worker.barred = null;
  refresh(turn, worker);
  enterBucket(fleet, worker);
  heard(turn, worker);
  worker.closedMonoMs = null;
  armWorker(fleet, worker);
  fleet.wanting.add(worker);
  turn.facts.push({ type: 'worker.seen', introduction, atMs: now.wallMs });
  welcome(turn, worker, holding, unproven);
}

function makeWorker(introduction: Introduction, { load }: WorkerIntroduction, { now }: Turn): Worker {
  // What placing reads comes first: it lies together, and a hundred thousand reads of a fleet are as fast as memory is.
  return {
    state: 'online',
    effectiveSlots: 0,
    restUntilMonoMs: 0,
    owner: introduction.owner,
    bucket: null,
    used: emptyLedger(),
    capacity: capacityOf(introduction.capabilities),
    barred: null,
    pace: null,
    offers: null,
    prefetched: new Fifo(),
    attempts: new Chain(),
    id: introduction.worker,
    host: introduction.host,
    quality: 0,
    chain: null,
    before: null,
    after: null,
    parkedIn: null,
    parkedTurn: 0,
    dutyShare: 1,
    introduction,
    drained: false,
    load,
    cached: new Set(),
    ending: new Map(),
    lastHeardMonoMs: now.monoMs,
    closedMonoMs: null,
    timerMonoMs: Number.POSITIVE_INFINITY,
    tasksDone: 0,
    attemptsLost: 0,
    firstSeenAtMs: now.wallMs,
    lastSeenAtMs: now.wallMs,
  };
}

/** Says which held attempts go on. What the core thinks the worker has, and it does not name, is lost. */
function welcome(turn: Turn, worker: Worker, holding: WorkerIntroduction['holding'], unproven: readonly AttemptRef[]): void {
  const adopted: AttemptRef[] = [];
  const dropped: AttemptRef[] = [...unproven];
  const named = new Set<string>();
  for (const { ref, state } of holding) {
    named.add(refKey(ref));
    const attempt = adopt(turn, worker, ref);
    if (attempt === null) {
      turn.fleet.counters.dropped.unknownAttempt++;
      dropped.push(ref);
      continue;
    }
    attempt.listedMonoMs = turn.now.monoMs;
    if (state === 'running' && attempt.state === 'offered') {
      attempt.state = 'running';
      attempt.startedMonoMs = turn.now.monoMs;
      attempt.progressedMonoMs = turn.now.monoMs;
    }
    adopted.push(ref);
  }
  for (const key of [...worker.ending.keys()]) if (!named.has(key)) endStale(turn, worker, key);
  for (const attempt of [...worker.attempts]) if (!named.has(refKey(attempt.ref))) lose(turn, worker, attempt, 'it came back without this attempt');
  turn.send(
    worker.id,
    { type: 'welcome', version: 1, worker: worker.id, epoch: turn.fleet.epoch, leaseMs: limits.leaseMs, renewMs: limits.renewMs, adopted, dropped },
    'now',
  );
}

function endStale(turn: Turn, worker: Worker, key: string): void {
  const attempt = worker.ending.get(key);
  if (attempt === undefined) return;
  worker.ending.delete(key);
  freeRoom(turn.fleet, worker, attempt);
}

/** The open attempt a returning worker holds: known here, awaited since the restart, or older than this start and not contradicted. */
function adopt(turn: Turn, worker: Worker, ref: AttemptRef): Attempt | null {
  const { fleet, now } = turn;
  const open = findAttempt(fleet, ref);
  if (open !== null) {
    if (open.worker !== worker.id && !(open.awaitedUntilMonoMs !== null && open.host === worker.host)) return null;
    if (open.awaitedUntilMonoMs === null) return open;
    open.task.closed(open);
    // The placeholder has done its duty; its timer must find it closed.
    open.state = advance(attemptMachine, 'offered', 'superseded');
    return revive(turn, worker, open.task.job, open.task.index, ref, open.assigned.wallMs, true);
  }
  if (ref.epoch >= fleet.epoch) return null;
  const { jobId, key } = splitTaskId(ref.task);
  const job = fleet.jobs.get(jobId);
  const index = job === undefined ? -1 : indexOf(job, key);
  if (job === undefined || index < 0 || job.waitingFor !== null || isSettled(job, index)) return null;
  const task = job.tasks.get(index);
  if (task !== undefined && (task.live.length > 0 || task.state !== 'ready' || ref.attempt <= task.attempts)) return null;
  return revive(turn, worker, job, index, ref, now.wallMs, false);
}

function revive(turn: Turn, worker: Worker, job: Job, index: number, ref: AttemptRef, assignedAtMs: number, journalled: boolean): Attempt | null {
  const { fleet, now } = turn;
  const option = job.options[0];
  if (option === undefined) return null;
  job.fresh.remove(index);
  const task = job.tasks.get(index) ?? new Task(job, index);
  job.tasks.set(index, task);
  withdraw(task);
  dequeueIfEmpty(fleet, job);
  task.attempts = Math.max(task.attempts, ref.attempt);
  const attempt = new Attempt(task, ref, worker, option, { monoMs: now.monoMs, wallMs: assignedAtMs });
  attempt.hasRoom = worker.used.slots < worker.capacity.slots;
  attempt.journalled = journalled;
  attach(fleet, attempt, worker);
  if (journalled) armAttempt(fleet, attempt, now.monoMs);
  else armJournal(fleet, attempt);
  return attempt;
}

export function renewed(turn: Turn, { worker: id, load, attempts }: EventOf<'worker.renewed'>): void {
  const { fleet, now } = turn;
  const worker = fleet.workers.get(id);
  if (worker === undefined) {
    for (const { ref } of attempts) turn.cancel(id, ref, 'stale');
    if (attempts.length > 0) fleet.counters.dropped.unknownWorker++;
    return;
  }
  const throttleBefore = worker.load.throttle;
  worker.load = load;
  refresh(turn, worker);
  if (throttleBefore > 0 !== load.throttle > 0) fleet.topology++;
  heard(turn, worker);
  fleet.wanting.add(worker);
  for (const { ref, progress } of attempts) {
    const attempt = findAttempt(fleet, ref);
    if (attempt === null || attempt.worker !== id) {
      if (!worker.ending.has(refKey(ref))) turn.cancel(id, ref, 'stale');
      continue;
    }
    attempt.listedMonoMs = now.monoMs;
    if (progress !== null && progress !== attempt.progress) {
      attempt.progress = progress;
      attempt.progressedMonoMs = now.monoMs;
    }
  }
  for (const attempt of [...worker.attempts]) {
    if (now.monoMs - attempt.listedMonoMs < limits.leaseMs) continue;
    turn.cancel(id, attempt.ref, 'lease');
    lose(turn, worker, attempt, 'it renewed without this attempt for a whole lease');
  }
}

function heard({ fleet, now }: Turn, worker: Worker): void {
  worker.lastHeardMonoMs = now.monoMs;
  worker.lastSeenAtMs = now.wallMs;
  if (worker.state !== 'suspect' || worker.closedMonoMs !== null) return;
  worker.state = advance(workerMachine, worker.state, 'heard');
  if (worker.drained) worker.state = advance(workerMachine, worker.state, 'drained');
  fleet.topology++;
  armWorker(fleet, worker);
}

/** Any report counts as a sign of life. */
export function heardFrom(turn: Turn, id: WorkerId): void {
  const worker = turn.fleet.workers.get(id);
  if (worker !== undefined) heard(turn, worker);
}

function refresh({ fleet }: Turn, worker: Worker): void {
  applyLoad(worker);
  worker.quality = qualityOf(worker);
  if (worker.parkedIn !== null) unpark(fleet, worker);
}

export function capabilitiesChanged(turn: Turn, { worker: id, capabilities }: EventOf<'worker.capabilities'>): void {
  const { fleet, now } = turn;
  const worker = fleet.workers.get(id);
  if (worker === undefined) return;
  worker.introduction = { ...worker.introduction, capabilities };
  worker.capacity = capacityOf(capabilities);
  worker.barred = null;
  worker.pace = null;
  refresh(turn, worker);
  enterBucket(fleet, worker);
  heard(turn, worker);
  fleet.topology++;
  fleet.wanting.add(worker);
  turn.facts.push({ type: 'worker.seen', introduction: worker.introduction, atMs: now.wallMs });
}

export function intended(turn: Turn, { worker: id, intent }: EventOf<'worker.intent'>): void {
  const { fleet } = turn;
  const worker = fleet.workers.get(id);
  if (worker === undefined) return;
  fleet.topology++;
  if (intent === 'leave') {
    for (const attempt of [...worker.attempts]) decideTakenBack(turn, attempt);
    remove(turn, worker, 'left');
    return;
  }
  heard(turn, worker);
  worker.drained = intent === 'drain';
  if (intent === 'drain' && worker.state !== 'draining' && worker.state !== 'gone') worker.state = advance(workerMachine, worker.state, 'drained');
  if (intent === 'resume' && worker.state === 'draining') worker.state = advance(workerMachine, worker.state, 'resumed');
  unpark(fleet, worker);
  fleet.wanting.add(worker);
}

export function closed(turn: Turn, { worker: id, replaced }: EventOf<'worker.closed'>): void {
  const { fleet, now } = turn;
  const worker = fleet.workers.get(id);
  if (worker === undefined) return;
  if (replaced) {
    expire(turn, worker, 'a newer start of the same worker replaced it');
    return;
  }
  worker.closedMonoMs = now.monoMs;
  silence(turn, worker);
  armWorker(fleet, worker);
}

function silence({ fleet }: Turn, worker: Worker): void {
  if (worker.state !== 'online' && worker.state !== 'draining') return;
  worker.state = advance(workerMachine, worker.state, 'silent');
  unpark(fleet, worker);
  fleet.wanting.delete(worker);
  fleet.topology++;
}

/** One timer per worker: silence first, then the end of its lease or grace. */
function armWorker(fleet: Fleet, worker: Worker): void {
  const atMonoMs = nextLookMonoMs(worker);
  if (worker.timerMonoMs <= atMonoMs) return;
  worker.timerMonoMs = atMonoMs;
  fleet.timers.set(atMonoMs, { kind: 'worker', worker });
}

function nextLookMonoMs(worker: Worker): number {
  if (worker.closedMonoMs !== null) return worker.closedMonoMs + limits.closeGraceMs;
  if (worker.state !== 'suspect') return worker.lastHeardMonoMs + SILENT_MS;
  return worker.lastHeardMonoMs + (worker.attempts.size > 0 ? limits.leaseMs : limits.orphanMs);
}

export function checkWorker(turn: Turn, worker: Worker): void {
  const { fleet, now } = turn;
  if (fleet.workers.get(worker.id) !== worker) return;
  worker.timerMonoMs = Number.POSITIVE_INFINITY;
  if (worker.closedMonoMs !== null && now.monoMs >= worker.closedMonoMs + limits.closeGraceMs) {
    expire(turn, worker, 'its connection closed and it did not come back');
    return;
  }
  if (now.monoMs >= worker.lastHeardMonoMs + limits.orphanMs) {
    expire(turn, worker, 'it was silent for too long');
    return;
  }
  // Its socket is still open: it may only sleep. What it held goes to others; it may work again when it is heard.
  if (now.monoMs >= worker.lastHeardMonoMs + limits.leaseMs)
    for (const attempt of [...worker.attempts]) lose(turn, worker, attempt, 'it was silent for a whole lease');
  if (now.monoMs >= worker.lastHeardMonoMs + SILENT_MS) silence(turn, worker);
  armWorker(fleet, worker);
}

function expire(turn: Turn, worker: Worker, why: string): void {
  turn.fleet.topology++;
  // Out of the way first: its host counts as connected no longer.
  leaveBucket(turn.fleet, worker);
  for (const attempt of [...worker.attempts]) lose(turn, worker, attempt, why);
  remove(turn, worker, 'expired');
}

function lose(turn: Turn, worker: Worker, attempt: Attempt, why: string): void {
  worker.attemptsLost++;
  decideLost(turn, attempt, why);
}

function remove(turn: Turn, worker: Worker, event: 'left' | 'expired'): void {
  const { fleet, now } = turn;
  if (worker.state !== 'gone') worker.state = advance(workerMachine, worker.state, event);
  leaveBucket(fleet, worker);
  fleet.workers.delete(worker.id);
  fleet.wanting.delete(worker);
  fleet.hoarders.delete(worker);
  fleet.topology++;
  turn.facts.push({ type: 'worker.gone', worker: worker.id, atMs: now.wallMs, tasksDone: worker.tasksDone, attemptsLost: worker.attemptsLost });
}
