// `udcs job ID`: one job in full: counts, times, tasks that failed, attempts that went wrong and where.
import type { AttemptView, JobView, TaskView } from '@udcs/protocol';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { jobIdOf } from '../ids.ts';
import { action, addVerb } from '../verb.ts';
import { agoText, bytesText, countText, durationText } from '../words.ts';

const TASKS_SHOWN = 20;
const ATTEMPTS_SHOWN = 10;

export function addJob(program: Command): void {
  addVerb(program, {
    usage: 'job <id>',
    summary: 'Show one job: state, tasks, outputs, attempts that went wrong.',
    examples: ['udcs job job_01jc…', 'udcs job job_01jc… --json'],
  }).action(
    action(async (context, _flags, [text = '']) => {
      const id = jobIdOf(text);
      const grid = context.grid();
      const { signal } = context;
      const job = await grid.call('jobs.get', { id }, { signal });
      const tasks = await grid.call('jobs.tasks', { id, limit: 500 }, { signal });
      const attempts = await grid.call('jobs.attempts', { id, limit: 500 }, { signal });
      context.out.event({ type: 'job', job });
      for (const task of tasks.items) context.out.event({ type: 'task', task });
      for (const attempt of attempts.items) context.out.event({ type: 'attempt', attempt });
      if (context.out.json) return 0;
      sayJob(context, job);
      sayTasks(context, tasks.items, job);
      sayAttempts(context, attempts.items);
      return 0;
    }),
  );
}

function sayJob({ out }: Context, job: JobView): void {
  const { total, succeeded, failed, canceled, active } = job.counts;
  const ran =
    job.startedAtMs === null ? 'not started' : `${durationText((job.endedAtMs ?? Date.now()) - job.startedAtMs)}${job.endedAtMs === null ? ' so far' : ''}`;
  const labels = Object.entries(job.labels).map(([name, value]) => `${name}=${value}`);
  out.facts([
    ['id', job.id],
    ['name', job.name || '-'],
    ['state', out.state(job.state)],
    ['type', job.types.join(' or ')],
    ['tasks', `${countText(total, 'task')}: ${succeeded} succeeded, ${failed} failed, ${canceled} canceled, ${active} running`],
    ['submitted', `${agoText(job.submittedAtMs, Date.now())} by ${job.owner}`],
    ['ran', ran],
    ['repeated', countText(job.repeatedAttempts, 'attempt')],
    ['priority', String(job.priority)],
    ...(labels.length > 0 ? ([['labels', labels.join(', ')]] as const) : []),
    ...(job.error === null ? [] : ([['error', `${job.error.message} (${job.error.code})`]] as const)),
  ]);
  if (job.state === 'queued') out.note(`\`udcs explain ${job.id}\` says why it is not running`);
}

function sayTasks({ out }: Context, tasks: readonly TaskView[], job: JobView): void {
  if (tasks.length === 0) return;
  const shown = [...tasks].sort((a, b) => Number(b.error !== null) - Number(a.error !== null) || a.index - b.index).slice(0, TASKS_SHOWN);
  out.say();
  out.table(
    ['TASK', 'STATE', 'ATTEMPTS', 'EXIT', 'RESULT'],
    shown.map((task) => [
      String(task.index),
      out.state(task.state),
      String(task.attempts),
      task.exitCode === null ? '-' : String(task.exitCode),
      resultText(task),
    ]),
  );
  const rest = job.counts.succeeded + job.counts.failed + job.counts.canceled - shown.length;
  if (rest > 0) out.say(`… and ${countText(rest, 'more ended task')}`);
}

function resultText(task: TaskView): string {
  if (task.error !== null) return `${task.error.message} (${task.error.code})`;
  const outputs = Object.entries(task.outputs).map(([name, blob]) => `${name} ${bytesText(blob.sizeBytes)}`);
  if (task.value !== undefined) outputs.push(`value ${JSON.stringify(task.value)}`.slice(0, 60));
  return outputs.join(', ') || '-';
}

function sayAttempts({ out }: Context, attempts: readonly AttemptView[]): void {
  const wrong = attempts.filter((attempt) => attempt.state !== 'succeeded' && attempt.endedAtMs !== null);
  if (wrong.length === 0) return;
  out.say();
  out.table(
    ['ATTEMPT', 'STATE', 'WORKER', 'BLAME', 'REASON'],
    wrong
      .slice(0, ATTEMPTS_SHOWN)
      .map((attempt) => [
        `${attempt.task.slice(attempt.task.indexOf('.') + 1)}/${attempt.attempt}`,
        out.state(attempt.state),
        attempt.workerName,
        attempt.blame ?? '-',
        attempt.error === null ? '-' : `${attempt.error.message} (${attempt.error.code})`,
      ]),
  );
  if (wrong.length > ATTEMPTS_SHOWN) out.say(`… and ${countText(wrong.length - ATTEMPTS_SHOWN, 'more attempt')} that did not succeed`);
}
