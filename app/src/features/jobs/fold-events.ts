// One job's stream folded into what its page shows. Everything is bounded: the page of a million-task job holds a window of it.
import type { JobEvent, JobView, TaskView } from '@udcs/protocol';

const RECENT_TASKS = 200;
const LOG_LINES = 400;

export interface LogLine {
  readonly id: number;
  readonly task: string;
  readonly stream: 'stdout' | 'stderr' | 'udcs';
  readonly text: string;
}

export interface RunningTask {
  readonly task: string;
  readonly worker: string;
  readonly attempt: number;
  readonly progress: number | null;
}

export interface JobStory {
  readonly job: JobView | null;
  /** Settled tasks, newest first. */
  readonly settled: readonly TaskView[];
  readonly running: ReadonlyMap<string, RunningTask>;
  readonly log: readonly LogLine[];
  readonly lines: number;
}

const emptyStory: JobStory = { job: null, settled: [], running: new Map(), log: [], lines: 0 };

function fold(story: JobStory, event: JobEvent): JobStory {
  switch (event.type) {
    case 'job':
      return { ...story, job: event.job, running: event.job.counts.active > 0 ? story.running : new Map() };
    case 'tasks': {
      const ended = new Set(event.tasks.map((task) => task.id));
      const running = new Map([...story.running].filter(([task]) => !ended.has(task)));
      const settled = [...event.tasks.toReversed(), ...story.settled.filter((task) => !ended.has(task.id))].slice(0, RECENT_TASKS);
      return { ...story, settled, running };
    }
    case 'progress': {
      const running = new Map(story.running);
      for (const { task, worker, attempt, progress } of event.tasks) running.set(task, { task, worker, attempt, progress });
      return { ...story, running };
    }
    case 'log': {
      const lines = event.lines.map((line, at) => ({ id: story.lines + at, task: line.task, stream: line.stream, text: line.text }));
      return { ...story, log: [...story.log, ...lines].slice(-LOG_LINES), lines: story.lines + lines.length };
    }
  }
}

/** An ended job has nothing more to tell: the coordinator ends its stream. */
export const jobStory = { initial: emptyStory, fold, isComplete: (story: JobStory): boolean => story.job !== null && story.job.endedAtMs !== null };
