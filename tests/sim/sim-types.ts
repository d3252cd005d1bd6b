// The task types of simulated jobs: MOCK, a plain array; and a plan that maps pieces, then merges them. The plan stands under
// the name of a type that has one in the real world; nothing here executes.
import type { JobSpec } from '@udcs/protocol';
import type { Plan, PlanEvent, PlanStep } from '@udcs/tasks/kit';
import type { TypeLookup } from '../../server/src/core/index.ts';

interface State {
  readonly version: 1;
  readonly left: number;
  readonly phase: 'map' | 'merge' | 'done';
}

const partsOf = (job: JobSpec): number => Number(job.variants[0]?.spec['parts'] ?? 1);
const step = (state: State, add: PlanStep['add'] = []): PlanStep => ({ state, add, cancel: [], done: state.phase === 'done' });

const mapThenMerge: Plan = {
  start(job) {
    const parts = partsOf(job);
    return step(
      { version: 1, left: parts, phase: 'map' },
      Array.from({ length: parts }, (_, part) => ({ key: `m${part}`, spec: { part } })),
    );
  },
  on(_job: JobSpec, given: unknown, event: PlanEvent) {
    const state = given as State;
    if (event.kind === 'canceled' || event.kind === 'woke' || state.phase === 'done')
      return step({ ...state, phase: event.kind === 'woke' ? state.phase : 'done' });
    if (event.kind === 'failed' || event.key === 'merge') return step({ ...state, phase: 'done' });
    const left = state.left - 1;
    return left > 0 ? step({ ...state, left }) : step({ ...state, left: 0, phase: 'merge' }, [{ key: 'merge', spec: {} }]);
  },
};

const plain = { alternatives: () => [[]], isolation: null } as const;

export const simTypes: TypeLookup = (name) => {
  if (name === 'MOCK') return plain;
  return name === 'VIDEO_ENCODE' ? { ...plain, plan: mapThenMerge } : undefined;
};
