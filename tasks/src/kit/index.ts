export { bindExecutor, parseSpec } from './bind.ts';
export type {
  CancelSignal,
  Executor,
  ExecutorModule,
  ExecutorResult,
  ExecutorTask,
  Host,
  HostGpu,
  SpawnCommand,
  SpawnResult,
  TaskInput,
  TaskOutput,
} from './executor.ts';
export { ProgramFailed } from './executor.ts';
export type { Piece, Plan, PlanEvent, PlanStep } from './plan.ts';
export { defineTaskType, isPlanned, type TaskType } from './task-type.ts';
