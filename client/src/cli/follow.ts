// Follows a job to its end on the screen: progress, live log, outputs as they come, an explanation when nothing can run
// it, and the two meanings of Ctrl-C. Shared by run, wasm, wgsl, exec, map, wait and logs -f.
import type { ExplainView, JobEvent, JobView, TaskView } from '@udcs/protocol';
import type { Grid, JobHandle } from '../sdk/index.ts';
import type { Context } from './context.ts';
import { sayExplain } from './explain-text.ts';
import { EXIT } from './failure.ts';
import { type SavePlan, saveOutputs } from './save-outputs.ts';
import { countText, durationText } from './words.ts';

export interface FollowOptions {
  /** Where outputs go; null = nowhere. */
  readonly save: SavePlan | null;
  /** null = wait for a worker for ever. */
  readonly unmatchedAfterMs: number | null;
  readonly cancelOnInterrupt: boolean;
  /** How live log lines are shown; null = not at all. */
  readonly log: LogSink | null;
  /** Called for every settled task, after its outputs were saved. */
  readonly onTask: ((task: TaskView) => void | Promise<void>) | null;
  /** Say the summary at the end, and failed tasks as they fail. */
  readonly summary: boolean;
  /** Show how far it is. */
  readonly progress: boolean;
}

export type LogPiece = Extract<JobEvent, { type: 'log' }>['lines'][number];

export interface LogSink {
  add(piece: LogPiece): void;
  /** Shows the kept log of a task that was too quick to be heard live. */
  settled(task: TaskView): void;
  /** The job has ended: nothing more will come. */
  flush(): void;
}

/** The second Ctrl-C within this time cancels the job. */
const SECOND_INTERRUPT_MS = 1_500;
const FAILURES_SHOWN = 5;

/** Resolves with the exit code. */
export async function follow(context: Context, grid: Grid, handle: JobHandle, options: FollowOptions): Promise<number> {
  const { out } = context;
  const id = await handle.id;
  const startedMs = performance.now();
  out.event({ type: 'submitted', job: id });
  takeInterrupts(context, handle, id, options.cancelOnInterrupt);
  const unmatched = options.unmatchedAfterMs === null ? null : watchUnmatched(context, handle, options.unmatchedAfterMs);
  try {
    const followed = followEvents(context, grid, handle, options, startedMs);
    const outcome = await (unmatched === null ? followed : Promise.race([followed, unmatched.found]));
    out.endProgress();
    if ('verdict' in outcome) {
      context.interrupt();
      await followed.catch(() => undefined);
      sayExplain(out, outcome);
      out.note(`${id} stays queued: \`udcs wait ${id}\` waits for a worker, \`udcs cancel ${id}\` cancels it`);
      return EXIT.unmatched;
    }
    if (options.summary) saySummary(context, outcome, performance.now() - startedMs, options.save);
    return exitCodeOfJob(outcome);
  } finally {
    out.endProgress();
    unmatched?.stop();
  }
}

export const exitCodeOfJob = (job: JobView): number => (job.state === 'succeeded' ? EXIT.ok : EXIT.failed);

async function followEvents(context: Context, grid: Grid, handle: JobHandle, options: FollowOptions, startedMs: number): Promise<JobView> {
  const { out, signal } = context;
  let last: JobView | null = null;
  let failures = 0;
  for await (const event of handle.events({ live: true, signal })) {
    if (event.type === 'job') {
      last = event.job;
      out.event({ type: 'job', job: event.job });
      if (options.progress) out.progress(event.job, startedMs, performance.now());
    } else if (event.type === 'log') {
      out.event({ type: 'log', lines: event.lines });
      for (const piece of event.lines) options.log?.add(piece);
    } else if (event.type === 'tasks') {
      for (const task of event.tasks) {
        const files = options.save === null ? [] : await saveOutputs(grid, task, options.save, signal);
        out.event({ type: 'task', task, ...(files.length > 0 ? { files } : {}) });
        options.log?.settled(task);
        await options.onTask?.(task);
        if (task.error !== null && options.summary && failures++ < FAILURES_SHOWN)
          out.note(`task ${task.index} ${out.state(task.state)}: ${task.error.message} (${task.error.code})`);
      }
    }
  }
  options.log?.flush();
  if (failures > FAILURES_SHOWN) out.note(`… and ${countText(failures - FAILURES_SHOWN, 'more failed task')}`);
  return last !== null && last.endedAtMs !== null ? last : handle.view(signal);
}

function saySummary({ out }: Context, job: JobView, tookMs: number, save: SavePlan | null): void {
  const { total, succeeded, failed, canceled } = job.counts;
  const ended = [
    ...(succeeded > 0 ? [`${succeeded} succeeded`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(canceled > 0 ? [`${canceled} canceled`] : []),
  ];
  const tasks = succeeded === total ? countText(total, 'task') : `${ended.join(', ') || 'none'} of ${countText(total, 'task')}`;
  out.note(`${job.id} ${out.state(job.state)}: ${tasks} in ${durationText(tookMs)}${save === null || succeeded === 0 ? '' : `, outputs in ${save.folder}`}`);
  if (job.error !== null && failed === 0) out.note(`${job.error.message} (${job.error.code})`);
}

/** Ctrl-C leaves the job running; the second one, or the first with --cancel-on-interrupt, cancels it. */
function takeInterrupts(context: Context, handle: JobHandle, id: string, cancelAtOnce: boolean): void {
  const { out } = context;
  let interrupts = 0;
  const cancel = () => {
    handle
      .cancel()
      .then(
        (canceled) => out.note(canceled ? `${id} canceled` : `${id} had already ended`),
        () => out.note(`${id} could not be canceled: \`udcs cancel ${id}\` tries again`),
      )
      .finally(() => context.interrupt());
  };
  context.onInterrupt(() => {
    interrupts += 1;
    out.endProgress();
    if (interrupts > 2) process.exit(EXIT.interrupted);
    if (cancelAtOnce || interrupts === 2) return cancel();
    out.note(`${id} goes on: \`udcs wait ${id}\` follows it, \`udcs cancel ${id}\` or Ctrl-C again cancels it`);
    setTimeout(() => interrupts === 1 && context.interrupt(), SECOND_INTERRUPT_MS);
  });
}

/** Asks for an explanation while nothing of the job runs; `found` resolves when no worker can take it. */
function watchUnmatched(context: Context, handle: JobHandle, afterMs: number): { found: Promise<ExplainView>; stop: () => void } {
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;
  const found = new Promise<ExplainView>((resolve) => {
    const look = async () => {
      const explain = await handle.explain({ signal: context.signal }).catch(() => null);
      if (stopped) return;
      if (explain?.verdict === 'unmatched') return resolve(explain);
      timer = setTimeout(look, Math.max(afterMs, 1_000));
    };
    timer = setTimeout(look, afterMs);
  });
  return {
    found,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
