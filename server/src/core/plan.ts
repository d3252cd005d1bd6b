// Runs the plan of a job: a pure reducer of its task type that adds pieces as others settle. State and pieces leave as one fact, in
// the outcome of the settlement that caused them.
import { type JobSpec, limits } from '@udcs/protocol';
import type { Piece, Plan, PlanEvent, PlanStep } from '@udcs/tasks';
import type { Fleet, Job, TypeLookup } from './model.ts';
import { enqueue } from './queues.ts';
import type { PieceRecord } from './seam.ts';
import { breakJob, cancelTask, endIfDone } from './settle.ts';
import { Task } from './task.ts';
import type { Turn } from './turn.ts';

/** Whether the type of the first variant plans the tasks of such a job. */
export function hasPlan(spec: JobSpec, types: TypeLookup): boolean {
  const [first] = spec.variants;
  const rules = first === undefined ? undefined : types(first.type);
  return first !== undefined && rules?.plan !== undefined && (rules.isPlanned?.(first.spec) ?? true);
}

function planOf(fleet: Fleet, job: Job): Plan | undefined {
  const type = job.record.spec.variants[0]?.type;
  return type === undefined || job.plan === null ? undefined : fleet.types(type)?.plan;
}

/** First step of a job with a plan that has none behind it. */
export function startPlan(turn: Turn, job: Job): void {
  const plan = planOf(turn.fleet, job);
  if (plan === undefined || job.plan === null || job.plan.state !== null || job.plan.done) return;
  step(turn, job, () => plan.start(job.record.spec));
  stopIfStuck(turn, job);
}

/** All that happened to the job in this turn at once: in between, a plan may look stuck that is not. */
export function planLearns(turn: Turn, job: Job, events: readonly PlanEvent[]): void {
  const plan = planOf(turn.fleet, job);
  const run = job.plan;
  for (const event of events) {
    if (plan === undefined || run === null || run.done || job.endedAtMs !== null) break;
    step(turn, job, () => plan.on(job.record.spec, run.state, event));
  }
  stopIfStuck(turn, job);
  endIfDone(turn, job);
}

export function wakePlan(turn: Turn, job: Job): void {
  if (job.plan === null || job.plan.wakeAtMs === null || job.plan.wakeAtMs > turn.now.wallMs) return;
  job.plan.wakeAtMs = null;
  turn.teach(job, { kind: 'woke' });
}

function step(turn: Turn, job: Job, reduce: () => PlanStep): void {
  const { run, problem } = tryStep(job, reduce);
  if (run === null) {
    breakJob(turn, job, {
      code: 'INTERNAL',
      message: `the plan of ${job.record.spec.variants[0]?.type ?? 'this job'} broke: ${problem}`,
      hint: 'report it with the job',
    });
    return;
  }
  turn.touch(job);
  const plan = job.plan;
  if (plan === null) return;
  plan.state = run.state;
  plan.done = run.done;
  plan.wakeAtMs = run.wakeAfterMs === undefined ? null : turn.now.wallMs + run.wakeAfterMs;
  const added = addPieces(job, run.add);
  turn.facts.push({ type: 'plan.stepped', job: job.id, seq: job.seq, state: plan.state, done: plan.done, wakeAtMs: plan.wakeAtMs, added });
  for (const key of run.cancel) cancelPiece(turn, job, key);
  if (run.wakeAfterMs !== undefined) turn.fleet.timers.set(turn.now.monoMs + run.wakeAfterMs, { kind: 'plan', job: job.id });
  enqueue(turn.fleet, job, added.length);
}

/** A reducer is code of a task type: what it throws, and what breaks its contract, ends the job and nothing else. */
function tryStep(job: Job, reduce: () => PlanStep): { readonly run: PlanStep | null; readonly problem: string } {
  try {
    const run = reduce();
    const problem = problemOf(job, run);
    return { run: problem === '' ? run : null, problem };
  } catch (thrown) {
    return { run: null, problem: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function problemOf(job: Job, run: PlanStep): string {
  if (run.add.length > limits.piecesPerStep) return `it added ${run.add.length} pieces in one step; ${limits.piecesPerStep} are allowed`;
  const size = JSON.stringify(run.state).length;
  if (size > limits.planStateBytes) return `its state has ${size} bytes; ${limits.planStateBytes} are allowed`;
  const keys = new Set<string>();
  for (const { key } of run.add) {
    if (keys.has(key) || job.plan?.byKey.has(key) === true) return `it added the key ${key} twice`;
    keys.add(key);
  }
  return '';
}

function addPieces(job: Job, pieces: readonly Piece[]): PieceRecord[] {
  const { plan } = job;
  if (plan === null || pieces.length === 0) return [];
  const from = plan.pieces.length;
  const added = pieces.map((piece, at): PieceRecord => ({ key: piece.key, index: from + at, spec: piece.spec, entry: piece.entry ?? null }));
  for (const piece of added) {
    plan.pieces.push(piece);
    plan.byKey.set(piece.key, piece.index);
  }
  job.total = plan.pieces.length;
  job.fresh.append(from, job.total - 1);
  return added;
}

function cancelPiece(turn: Turn, job: Job, key: string): void {
  const index = job.plan?.byKey.get(key);
  if (index === undefined) return;
  const task = job.tasks.get(index) ?? (job.fresh.remove(index) ? new Task(job, index) : null);
  if (task !== null) cancelTask(turn, task, { code: 'CANCELED', message: 'The plan of the job no longer needs it.' });
}

/** A plan that is not done, waits for nothing and asks for no wake would never end. */
function stopIfStuck(turn: Turn, job: Job): void {
  const { plan } = job;
  if (plan === null || plan.done || plan.wakeAtMs !== null || job.endedAtMs !== null || job.total > job.succeeded + job.failed + job.canceled) return;
  breakJob(turn, job, { code: 'INTERNAL', message: 'the plan of this job waits for nothing and is not done', hint: 'report it with the job' });
}
