// The native worker as a library: what the CLI and the benches start.
export { defaultStateDir, type WorkerOptions } from './options.ts';
export { type NativeWorker, runNativeWorker, type WorkerEvent } from './run.ts';
