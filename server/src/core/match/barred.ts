// Has the worker refused this kind of task since its last capabilities frame?
import type { TaskClass, Worker } from '../model.ts';
import { refuse } from './checker.ts';

export const checkBarred = (taskClass: TaskClass | undefined, worker: Worker): ReturnType<typeof refuse> | null =>
  taskClass !== undefined && worker.barred?.has(taskClass)
    ? refuse('BARRED', 'it refused a task of this kind', 'Look at the rejected attempts for its reason; it is asked again when its capabilities change')
    : null;
