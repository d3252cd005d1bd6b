// What must hold of a fleet after every step, whatever happened. Looks at the fleet only; what the facts must satisfy is checked by
// the tests that keep them.
import type { Fleet, Job, Worker } from '../../src/core/model.ts';

export function brokenInvariant(fleet: Fleet): string | null {
  for (const job of fleet.jobs.values()) {
    const broken = brokenJob(fleet, job);
    if (broken !== null) return `${job.id}: ${broken}`;
  }
  for (const worker of fleet.workers.values()) {
    const broken = brokenWorker(worker);
    if (broken !== null) return `${worker.id}: ${broken}`;
  }
  return null;
}

function brokenJob(fleet: Fleet, job: Job): string | null {
  const ended = job.succeeded + job.failed + job.canceled;
  if (ended > job.total) return `counts ${ended} ends of ${job.total} tasks`;
  if (job.endedAtMs !== null) return 'ended and still in memory';
  let active = 0;
  let waiting = 0;
  for (const task of job.tasks.values()) {
    if (job.fresh.has(task.index)) return `task ${task.index} is fresh and made`;
    if (job.settled?.has(task.index) === true) return `task ${task.index} is settled and kept`;
    if (task.live.length > 1) return `task ${task.index} has ${task.live.length} live attempts`;
    if (task.live.length > 0 !== (task.state === 'active')) return `task ${task.index} is ${task.state} with ${task.live.length} live attempts`;
    if (task.live.length > 0) active++;
    if (task.waiting) waiting++;
    if (task.waiting && task.live.length > 0) return `task ${task.index} waits and is live`;
    for (const attempt of task.live) {
      if (attempt.state !== 'offered' && attempt.state !== 'running') return `attempt ${attempt.ref.task} is ${attempt.state} and live`;
      if (attempt.awaitedUntilMonoMs === null && fleet.workers.get(attempt.worker)?.attempts.has(attempt) !== true)
        return `attempt ${attempt.ref.task} is held by nobody`;
    }
  }
  if (active !== job.active) return `says ${job.active} active, has ${active}`;
  const inLines = [...(job.retries?.values() ?? [])].reduce((sum, line) => sum + line.tasks.length, 0);
  if (inLines !== job.retryCount || waiting !== inLines) return `${waiting} wait, ${inLines} stand in lines, counted ${job.retryCount}`;
  if (job.fresh.size + job.tasks.size + ended !== job.total) return `${job.fresh.size} fresh + ${job.tasks.size} made + ${ended} ended are not ${job.total}`;
  const queued = job.fresh.size + job.retryCount > 0 && job.waitingFor === null;
  return queued === (job.nodes !== null) ? null : `has openings: ${queued}, stands in lines: ${job.nodes !== null}`;
}

function brokenWorker(worker: Worker): string | null {
  const held = [...worker.attempts, ...worker.ending.values()];
  const room = held.filter((attempt) => attempt.hasRoom);
  if (worker.used.slots !== room.length) return `says ${worker.used.slots} busy slots, has ${room.length}`;
  if (worker.prefetched.size !== held.length - room.length) return `says ${worker.prefetched.size} prefetched, has ${held.length - room.length}`;
  const memory = room.reduce((sum, attempt) => sum + attempt.need.memoryBytes, 0);
  if (worker.used.memoryBytes !== memory) return `ledger says ${worker.used.memoryBytes} B, attempts say ${memory} B`;
  if (worker.state === 'gone') return 'gone and still in memory';
  for (const attempt of worker.attempts) if (!attempt.task.live.includes(attempt)) return `holds ${attempt.ref.task}, which is not live`;
  return null;
}
