// The pure scheduler: what the shell, the API and the simulator may use of it.
export { apply } from './apply.ts';
export { explain, explainPlan } from './explain.ts';
export { createFleet } from './fleet.ts';
export type { Fleet, TypeLookup, TypeRules } from './model.ts';
export { place } from './place.ts';
export { restore } from './restore.ts';
export type * from './seam.ts';
export {
  activeOf,
  attemptOf,
  type FleetOverview,
  type JobStatus,
  jobIsLive,
  jobStatus,
  memoryCounters,
  oneWorkerStatus,
  overview,
  type WorkerStatus,
  workerStatus,
} from './status.ts';
