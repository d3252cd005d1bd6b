// Every read of the store by name; the reader thread answers them, `StoreReader` is typed by this list.
export { findArtifact, findMissing, findUnstored, getSizes, getUsage, listArtifacts } from './artifacts.ts';
export { getWorkers, listInvites, listTokens, listWorkers } from './fleet.ts';
export { getJob, getJobSpec, getJobs, listJobs } from './jobs.ts';
export { getOutput, getSettledAfter, getTasks, listAttempts, listTasks } from './tasks.ts';
