// Does the worker have an executor for this task type that passed its own check?
import { refuse, type StaticChecker } from './checker.ts';

export const checkType: StaticChecker = (need, { capabilities }) =>
  capabilities.types.includes(need.type)
    ? null
    : refuse(
        'TYPE',
        `it can not run ${need.type}; it runs ${capabilities.types.join(', ') || 'nothing'}`,
        `Connect a worker that runs ${need.type}, or add a variant of type ${capabilities.types[0] ?? 'WASM'}`,
      );
