// Why a job or task does not run: for each worker the first check that says no, the nearest miss, and what would change it. Asks
// the same checkers as placing does; there is no second opinion here.
import type { ExplainView, HostId, JobId, JobSpec, Reason, TaskKey } from '@udcs/protocol';
import { needsOf } from './classes.ts';
import { checkBarred } from './match/barred.ts';
import { checkExcluded } from './match/excluded.ts';
import { allWhyNever, subjectOf, whyNever, whyNotNow } from './match/index.ts';
import type { Fleet, Job, Need, TaskClass, Worker } from './model.ts';
import { hostMustDo, indexOf, isSettled } from './openings.ts';
import { unended } from './status.ts';
import { nearestMiss, suggestionFor, tallyOf } from './verdict.ts';

/** Workers listed; the rest are counted. */
const SHOWN = 200;

export interface Way {
  readonly variant: number;
  readonly need: Need;
  readonly taskClass: TaskClass | undefined;
}

export interface Miss {
  readonly worker: Worker;
  readonly variant: number;
  readonly reason: Reason | null;
  /** Every static check that fails; empty when only the moment is wrong. */
  readonly faults: readonly Reason[];
}

interface Question {
  readonly owner: string;
  readonly ways: readonly Way[];
  readonly avoid: readonly HostId[];
  readonly fallback: boolean;
}

/** What explain says of a job, or of one of its tasks; null when the job is not in memory: it has ended or is unknown. */
export function explain(fleet: Fleet, id: JobId, key: TaskKey | null = null): ExplainView | null {
  const job = fleet.jobs.get(id);
  if (job === undefined) return null;
  const task = key === null ? undefined : job.tasks.get(indexOf(job, key));
  const line = task === undefined ? undefined : [...(job.retries?.values() ?? [])].find((candidate) => candidate.tasks.includes(task));
  const question: Question = {
    owner: job.record.owner,
    ways: job.options,
    avoid: task?.past.hosts ?? [],
    fallback: line !== undefined && hostMustDo(fleet, job, line),
  };
  const misses = missesOf(fleet, question);
  const state = stateOf(job, key);
  return viewOf(fleet, id, misses, state);
}

/** What explain would say right after a submit. */
export function explainPlan(fleet: Fleet, spec: JobSpec, owner: string): { readonly matchingWorkers: number; readonly explain: ExplainView } {
  const ways = needsOf(spec, fleet.types).map((way): Way => ({ ...way, taskClass: undefined }));
  const misses = missesOf(fleet, { owner, ways, avoid: [], fallback: false });
  const matching = new Set(misses.filter((miss) => miss.faults.length === 0).map((miss) => miss.worker));
  return { matchingWorkers: matching.size, explain: viewOf(fleet, '', misses, { waiting: spec.count, active: 0, own: null }) };
}

interface Waiting {
  readonly waiting: number;
  readonly active: number;
  /** What the task itself waits for, whatever the workers. */
  readonly own: { readonly verdict: ExplainView['verdict']; readonly summary: string } | null;
}

function stateOf(job: Job, key: TaskKey | null): Waiting {
  if (job.waitingFor !== null) {
    return { waiting: unended(job), active: 0, own: { verdict: 'blocked', summary: `It waits for ${[...job.waitingFor].join(', ')} to end.` } };
  }
  if (key === null) return { waiting: unended(job) - job.active, active: job.active, own: null };
  const index = indexOf(job, key);
  if (index < 0 || isSettled(job, index))
    return { waiting: 0, active: 0, own: { verdict: 'ended', summary: index < 0 ? 'The job has no such task.' : 'The task has ended.' } };
  const task = job.tasks.get(index);
  if (task !== undefined && task.live.length > 0) return { waiting: 0, active: 1, own: null };
  if (task !== undefined && !task.waiting) {
    return {
      waiting: 1,
      active: 0,
      own: { verdict: 'waiting', summary: `It waits a while before attempt ${task.attempts + 1}: ${task.past.failures + task.past.faults} attempts failed.` },
    };
  }
  return { waiting: 1, active: 0, own: null };
}

/** One miss per worker and variant: of the alternatives of a variant the one that fails least. */
function missesOf(fleet: Fleet, question: Question): Miss[] {
  const misses: Miss[] = [];
  for (const worker of fleet.workers.values()) {
    const best = new Map<number, Miss>();
    for (const way of question.ways) {
      const miss = missOf(question, way, worker);
      const known = best.get(way.variant);
      if (known === undefined || distanceOf(miss) < distanceOf(known)) best.set(way.variant, miss);
    }
    misses.push(...best.values());
  }
  return misses.sort((a, b) => distanceOf(a) - distanceOf(b));
}

function missOf({ owner, avoid, fallback }: Question, { variant, need, taskClass }: Way, worker: Worker): Miss {
  const subject = subjectOf(worker, owner);
  if (whyNever(need, subject) !== null) {
    const faults = allWhyNever(need, subject);
    return { worker, variant, reason: faults[0] ?? null, faults };
  }
  const reason = checkBarred(taskClass, worker) ?? checkExcluded(avoid, fallback, worker) ?? whyNotNow(need, worker);
  return { worker, variant, reason, faults: [] };
}

/** 0 = would run now, under 1 = only the moment is wrong, more = that many static checks fail. */
const distanceOf = (miss: Miss): number => (miss.reason === null ? 0 : miss.faults.length === 0 ? 0.5 : miss.faults.length);

function viewOf(fleet: Fleet, id: string, misses: readonly Miss[], state: Waiting): ExplainView {
  const perWorker = firstPerWorker(misses);
  const possible = perWorker.filter((miss) => miss.faults.length === 0);
  const nearest = nearestMiss(perWorker);
  const suggestion = nearest === null ? null : suggestionFor(nearest, perWorker);
  const verdict = state.own?.verdict ?? verdictOf(state, possible.length);
  const shown = misses.slice(0, SHOWN);
  return {
    job: id,
    waiting: state.waiting,
    verdict,
    summary: state.own?.summary ?? summaryOf(verdict, state, fleet.workers.size, possible, nearest, suggestion),
    workers: shown.map(({ worker, variant, reason }) => ({
      worker: worker.id,
      name: worker.introduction.name,
      kind: worker.introduction.kind,
      variant,
      reason,
    })),
    workersNotShown: fleet.workers.size - new Set(shown.map(({ worker }) => worker)).size,
    tally: tallyOf(perWorker),
    nearest:
      nearest === null || nearest.reason === null || suggestion === null
        ? null
        : { worker: nearest.worker.id, name: nearest.worker.introduction.name, reason: nearest.reason, suggestion },
  };
}

/** Misses are sorted: the first of each worker is its best variant. */
function firstPerWorker(misses: readonly Miss[]): Miss[] {
  const first = new Map<Worker, Miss>();
  for (const miss of misses) if (!first.has(miss.worker)) first.set(miss.worker, miss);
  return [...first.values()];
}

function verdictOf({ waiting, active }: Waiting, possible: number): ExplainView['verdict'] {
  if (active > 0) return 'running';
  if (waiting === 0) return 'ended';
  return possible > 0 ? 'waiting' : 'unmatched';
}

const count = (many: number, noun: string): string => `${many} ${noun}${many === 1 ? '' : 's'}`;

function summaryOf(
  verdict: ExplainView['verdict'],
  { waiting, active }: Waiting,
  workers: number,
  possible: readonly Miss[],
  nearest: Miss | null,
  suggestion: string | null,
): string {
  if (verdict === 'running') return `${count(active, 'task')} under way, ${waiting} waiting.`;
  if (verdict === 'ended') return 'Nothing of it waits.';
  if (workers === 0) return 'No worker is connected.';
  const ready = possible.filter((miss) => miss.reason === null).length;
  if (verdict === 'waiting' && ready > 0) return `${count(ready, 'worker')} can take it now.`;
  const where = nearest === null ? '' : ` Nearest is ${nearest.worker.introduction.name}: ${nearest.reason?.message ?? ''}.`;
  const what = suggestion === null ? '' : ` ${suggestion}.`;
  if (verdict === 'waiting') return `${count(possible.length, 'worker')} could run it, none at this moment.${where}${what}`;
  return `None of ${count(workers, 'connected worker')} can run it.${where}${what}`;
}
