// The plan of a MOCK job: map then merge, or rounds. Small on purpose; it exists so that the plan machinery is exercised by
// every simulation and bench, with nothing else in the way.
import { type JobSpec, UdcsError } from '@udcs/protocol';
import * as z from 'zod/mini';
import type { Piece, Plan, PlanEvent, PlanStep } from '../../kit/plan.ts';

const count = z.int().check(z.nonnegative());
const planSchema = z.union([
  z.object({ kind: z.literal('map-merge'), parts: count }),
  z.object({ kind: z.literal('rounds'), rounds: count, parts: count }),
  z.object({ kind: z.literal('array'), parts: count }),
]);
type MockPlan = z.infer<typeof planSchema>;

const stateSchema = z.object({ version: z.literal(1), round: count, waiting: z.array(z.string()), sum: z.number(), ended: z.boolean() });
type State = z.infer<typeof stateSchema>;

/** A job without `plan` is the array it always was; the reducer then adds every index at once. */
function planOf(job: JobSpec): MockPlan {
  const spec = job.variants[0]?.spec ?? {};
  return spec['plan'] === undefined ? { kind: 'array', parts: job.count } : planSchema.parse(spec['plan']);
}

function pieceSpec(job: JobSpec, extra: Record<string, unknown>): Record<string, unknown> {
  const { plan: _, ...rest } = job.variants[0]?.spec ?? {};
  return { ...rest, ...extra };
}

function step(state: State, add: readonly Piece[], cancel: readonly string[] = []): PlanStep {
  return { state, add, cancel, done: state.ended };
}

function addRound(job: JobSpec, plan: MockPlan, round: number, sum: number): PlanStep {
  const keys = Array.from({ length: plan.parts }, (_, part) =>
    plan.kind === 'rounds' ? `r${round}-${part}` : plan.kind === 'array' ? String(part) : `map-${part}`,
  );
  const last = plan.kind === 'array' || (plan.kind === 'rounds' && round + 1 >= plan.rounds);
  const add = keys.map((key, part) => ({ key, spec: pieceSpec(job, plan.kind === 'array' ? {} : { value: part + 1 }) }));
  return step({ version: 1, round, waiting: last ? [] : keys, sum, ended: last }, add);
}

function onSettled(job: JobSpec, plan: MockPlan, state: State, event: Extract<PlanEvent, { kind: 'settled' }>): PlanStep {
  if (state.ended || !state.waiting.includes(event.key)) return step(state, []);
  const waiting = state.waiting.filter((key) => key !== event.key);
  const sum = state.sum + (typeof event.value === 'number' ? event.value : 0);
  if (waiting.length > 0) return step({ ...state, waiting, sum }, []);
  if (plan.kind === 'rounds') return addRound(job, plan, state.round + 1, sum);
  return step({ version: 1, round: 1, waiting: [], sum, ended: true }, [{ key: 'merge', spec: pieceSpec(job, { value: sum }) }]);
}

export const mockPlan: Plan = {
  start: (job) => addRound(job, planOf(job), 0, 0),
  on(job, rawState, event) {
    const parsed = stateSchema.safeParse(rawState);
    if (!parsed.success) throw new UdcsError('INTERNAL', 'the plan state of this MOCK job is of a version this coordinator does not know');
    const state = parsed.data;
    switch (event.kind) {
      case 'settled':
        return onSettled(job, planOf(job), state, event);
      case 'failed':
      case 'canceled':
        // One lost part makes the merge meaningless: stop what still waits and end.
        return step(
          { ...state, waiting: [], ended: true },
          [],
          state.waiting.filter((key) => event.kind !== 'failed' || key !== event.key),
        );
      case 'woke':
        return step(state, []);
    }
  },
};
