// The three state machines. state → event → next state; a missing pair is illegal. `advance` is the only way to change
// a state, and docs/states.md is generated from these tables.

type Machine = Record<string, Record<string, string>>;

/** A task: blocked → ready ⇄ active → (verifying) → succeeded | failed | canceled. */
export const taskMachine = {
  /** Waits for other jobs (`after`). Left when all have settled. */
  blocked: { unblocked: 'ready', canceled: 'canceled' },
  /** Has openings and no live attempt; left by placement. */
  ready: { assigned: 'active', canceled: 'canceled', exhausted: 'failed' },
  /** At least one live attempt. */
  active: { requeued: 'ready', returned: 'verifying', settled: 'succeeded', exhausted: 'failed', canceled: 'canceled' },
  /** Enough results returned to compare; more may still be wanted. */
  verifying: { disagreed: 'active', requeued: 'ready', settled: 'succeeded', exhausted: 'failed', canceled: 'canceled' },
  succeeded: {},
  failed: {},
  canceled: {},
} as const satisfies Machine;

/** An attempt: one try of a task by one worker. `lost` = the worker vanished; `failed` = the work went wrong. */
export const attemptMachine = {
  /** Sent to the worker (or prefetched by it), not started. */
  offered: {
    started: 'running',
    succeeded: 'succeeded', // short work: the start and the end arrive in one report
    failed: 'failed',
    rejected: 'rejected',
    lost: 'lost',
    canceled: 'canceled',
    superseded: 'superseded', // taken back (revoked, drained) or made needless by another attempt
  },
  running: { succeeded: 'succeeded', failed: 'failed', lost: 'lost', canceled: 'canceled', superseded: 'superseded', rejected: 'rejected' },
  succeeded: {},
  failed: {},
  lost: {},
  rejected: {},
  canceled: {},
  superseded: {},
} as const satisfies Machine;

/** A worker: one connected tab or native process. */
export const workerMachine = {
  online: { silent: 'suspect', drained: 'draining', left: 'gone', expired: 'gone' },
  /** Silent or cut off: keeps its leases until they end, gets no new work. */
  suspect: { heard: 'online', drained: 'draining', left: 'gone', expired: 'gone' },
  /** Finishes what it holds, gets no new work. */
  draining: { resumed: 'online', silent: 'suspect', left: 'gone', expired: 'gone' },
  gone: {},
} as const satisfies Machine;

export type TaskState = keyof typeof taskMachine;
export type AttemptState = keyof typeof attemptMachine;
export type WorkerState = keyof typeof workerMachine;

export const taskStates = Object.keys(taskMachine) as [TaskState, ...TaskState[]];
export const attemptStates = Object.keys(attemptMachine) as [AttemptState, ...AttemptState[]];
export const workerStates = Object.keys(workerMachine) as [WorkerState, ...WorkerState[]];

type EventOf<M extends Machine, S extends keyof M> = S extends keyof M ? keyof M[S] : never;

/**
 * The state after `event`.
 * @throws Error when the table has no such transition: a bug in the caller, never a reaction to remote input.
 */
export function advance<M extends Machine, S extends keyof M & string, E extends EventOf<M, S> & string>(machine: M, state: S, event: E): keyof M & string {
  const next = machine[state]?.[event];
  if (next === undefined) throw new Error(`illegal transition: ${state} --${event}-->`);
  return next;
}

/** Whether nothing leaves `state`. */
export const isTerminal = (machine: Machine, state: string): boolean => Object.keys(machine[state] ?? {}).length === 0;

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled';
export const jobStates = ['queued', 'running', 'succeeded', 'failed', 'canceled'] as const satisfies readonly JobState[];

export interface JobCounts {
  /** Tasks known so far; a plan may add more. */
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
  /** Tasks with a live attempt now. */
  readonly active: number;
}

/** A job's state is derived, never stored: from its counts, its cancel mark, and whether its plan can still add tasks. */
export function jobStateOf(counts: JobCounts, canceledAtMs: number | null, planDone: boolean): JobState {
  const ended = counts.succeeded + counts.failed + counts.canceled;
  if (!planDone || ended < counts.total) return counts.active > 0 || ended > 0 ? 'running' : 'queued';
  if (canceledAtMs !== null && counts.canceled > 0) return 'canceled';
  if (counts.failed > 0) return 'failed';
  return counts.canceled > 0 ? 'canceled' : 'succeeded';
}

/** The machine as a Mermaid state diagram, for docs/states.md. */
export function toMermaid(machine: Machine): string {
  const lines = Object.entries(machine).flatMap(([state, events]) => Object.entries(events).map(([event, next]) => `  ${state} --> ${next}: ${event}`));
  return ['stateDiagram-v2', `  [*] --> ${Object.keys(machine)[0]}`, ...lines].join('\n');
}
