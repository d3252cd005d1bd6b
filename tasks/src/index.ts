// The registry of task type contracts: one line each.
export * from './kit/index.ts';
