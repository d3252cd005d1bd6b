// Judging exactly-once from outside: the client's stream, told apart by index.
import type { TaskView } from '@udcs/protocol';

export interface Delivered {
  readonly tasks: Map<number, TaskView>;
  /** Deliveries of a task that had been delivered. */
  readonly twice: number;
}

/** Follows a job's stream to its end; `at` is called after each delivery, with the number of tasks so far and the one delivered. */
export async function deliver(results: AsyncIterable<TaskView>, at: (done: number, task: TaskView) => void | Promise<void> = () => {}): Promise<Delivered> {
  const tasks = new Map<number, TaskView>();
  let twice = 0;
  for await (const task of results) {
    if (tasks.has(task.index)) twice += 1;
    tasks.set(task.index, task);
    await at(tasks.size, task);
  }
  return { tasks, twice };
}

/** Runs an action the first time it is asked to. */
export function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => (running ??= action());
}
