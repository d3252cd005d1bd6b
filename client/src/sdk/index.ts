// The SDK: `const grid = connect()`, then jobs as promises and streams of results. Runs in Node and in a browser.
export type { ExplainView, Job, JobEvent, JobId, JobView, TaskView, WorkerView } from '@udcs/protocol';
export { UdcsError } from '@udcs/protocol';
export type { Artifacts, ManifestPart, TransferOptions, Uploaded } from './artifacts.ts';
export type { ExecOptions, JobOptions, MapOptions, WasmOptions, WgslOptions } from './builders.ts';
export type { Uploadable } from './byte-source.ts';
export { type ConnectOptions, connect, defaultDataDir, localCoordinator, locate } from './connect.ts';
export { JobFailedError, UnmatchedError } from './errors.ts';
export type { Grid } from './grid.ts';
export type { JobHandle, JobResult, WaitOptions } from './job-handle.ts';
export type { StreamOptions } from './job-stream.ts';
export { digestOf, digestOfStream } from './sha256.ts';
