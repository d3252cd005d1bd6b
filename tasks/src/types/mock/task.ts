// MOCK: a task that behaves as its spec says (slow, noisy, failing, crashing) so that tests and benches can script a worker.
// Never for users: workers and coordinators refuse it unless they were started with --allow-mock.
import { errorCodes } from '@udcs/protocol';
import * as z from 'zod/mini';
import { defineTaskType } from '../../kit/task-type.ts';
import { mockPlan } from './plan.ts';

const count = z.int().check(z.nonnegative(), z.maximum(1_000_000));
const ms = z.int().check(z.nonnegative(), z.maximum(3_600_000));

const mockSpecSchema = z.strictObject({
  /** How long it takes. */
  runMs: z._default(ms, 0),
  /** Up to this much longer, the same for the same index and attempt. */
  jitterMs: z._default(ms, 0),
  /** Error code it ends with. */
  failWith: z.optional(z.enum(errorCodes)),
  /** Only the first n attempts fail; without failWith they fail with EXECUTOR_FAILED. */
  failTimes: z.optional(count),
  /** Only this index fails. */
  failOnIndex: z.optional(count),
  /** Kills the executor that runs it. */
  crash: z._default(z.boolean(), false),
  /** Never ends: `busy` burns the thread, `idle` waits and hears a cancel. */
  hang: z.optional(z.enum(['busy', 'idle'])),
  progressSteps: z._default(count, 0),
  logLines: z._default(count, 0),
  /** Returned as it is; default: the index. */
  value: z.optional(z.unknown()),
  /** Every declared output gets this many bytes, a pattern of the index. */
  outputBytes: z._default(z.int().check(z.nonnegative(), z.maximum(256 * 1024 * 1024)), 0),
  /** Turns the job into a planned one: pieces are added by the reducer, not by an array. */
  plan: z.optional(
    z.discriminatedUnion('kind', [
      /** `parts` pieces, then one merge that sums their values. */
      z.strictObject({ kind: z.literal('map-merge'), parts: z.int().check(z.minimum(1), z.maximum(10_000)) }),
      /** `rounds` times `parts` pieces, the next round when all of the last one settled. */
      z.strictObject({
        kind: z.literal('rounds'),
        rounds: z.int().check(z.minimum(1), z.maximum(1_000)),
        parts: z.int().check(z.minimum(1), z.maximum(1_000)),
      }),
    ]),
  ),
});
export type MockSpec = z.infer<typeof mockSpecSchema>;

export const mock = defineTaskType<MockSpec>({
  type: 'MOCK',
  summary: 'For tests: sleeps, fails, crashes or floods as told.',
  spec: mockSpecSchema,
  artifacts: () => [],
  alternatives: () => [[]],
  isolation: null,
  check(spec, job) {
    if (spec.plan !== undefined && (job.isArray || job.variants.length > 1)) return 'plan stands instead of array and variants';
    return null;
  },
  describe: () => 'Pretends to work, for a test of the system.',
  plan: mockPlan,
  isPlanned: (spec) => spec.plan !== undefined,
});
