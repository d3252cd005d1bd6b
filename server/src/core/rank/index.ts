// The order in which workers are served and jobs are looked at: a sum of scorers, one per file.
import type { Job, Worker } from '../model.ts';
import { scoreCached } from './cached.ts';
import { scoreLoad } from './load.ts';
import { scorePreference } from './preference.ts';
import { scoreSpeed } from './speed.ts';

/** How good a worker is for anything. */
export const qualityOf = (worker: Worker): number => scoreSpeed(worker) * scoreLoad(worker);

/** How good a worker is for this job, for the choice among few. */
export const scoreFor = (job: Job, worker: Worker): number => worker.quality + 2 * scorePreference(job, worker) + scoreCached(job, worker);
