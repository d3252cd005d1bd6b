// Who hears what: subscribers to one job, to all jobs, to workers. Durable events are published after their commit only.
// A listener that throws is dropped; it can not stop the loop.
import type { JobEvent, JobId, JobView, WorkerId } from '@udcs/protocol';

export type Unsubscribe = () => void;

class Listeners<T> {
  private readonly listeners = new Set<(value: T) => void>();

  add(listener: (value: T) => void): Unsubscribe {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get size(): number {
    return this.listeners.size;
  }

  tell(value: T): void {
    for (const listener of this.listeners) {
      try {
        listener(value);
      } catch {
        this.listeners.delete(listener);
      }
    }
  }
}

export class Feed {
  private readonly byJob = new Map<JobId, Listeners<JobEvent>>();
  private readonly jobs = new Listeners<JobView>();
  private readonly workers = new Listeners<readonly WorkerId[]>();

  onJob(job: JobId, listener: (event: JobEvent) => void): Unsubscribe {
    const listeners = this.byJob.get(job) ?? new Listeners<JobEvent>();
    this.byJob.set(job, listeners);
    const remove = listeners.add(listener);
    return () => {
      remove();
      if (listeners.size === 0 && this.byJob.get(job) === listeners) this.byJob.delete(job);
    };
  }

  onJobs(listener: (view: JobView) => void): Unsubscribe {
    return this.jobs.add(listener);
  }

  /** Ids of workers whose state, load or holdings changed in this turn. */
  onWorkers(listener: (workers: readonly WorkerId[]) => void): Unsubscribe {
    return this.workers.add(listener);
  }

  hasJob(job: JobId): boolean {
    return this.byJob.has(job);
  }

  tellJob(job: JobId, event: JobEvent): void {
    this.byJob.get(job)?.tell(event);
    if (event.type === 'job') this.jobs.tell(event.job);
  }

  tellJobs(view: JobView): void {
    this.jobs.tell(view);
  }

  tellWorkers(workers: readonly WorkerId[]): void {
    if (workers.length > 0) this.workers.tell(workers);
  }
}
