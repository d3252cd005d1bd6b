// Makes an empty fleet. The seed and the task types are arguments: the core has no randomness and no registry of its own.
import { Bits } from './bits.ts';
import { Chain } from './chain.ts';
import type { Fleet, TypeLookup } from './model.ts';
import { SeededRandom } from './random.ts';
import { Timers } from './timers.ts';

export function createFleet(options: {
  readonly epoch: number;
  readonly seed: number;
  readonly types: TypeLookup;
  readonly weightOf?: (owner: string) => number;
}): Fleet {
  return {
    epoch: options.epoch,
    random: new SeededRandom(options.seed),
    types: options.types,
    weightOf: options.weightOf ?? (() => 1),
    timers: new Timers(),
    jobs: new Map(),
    workers: new Map(),
    owners: new Map(),
    lanes: new Map(),
    priorities: [],
    classes: new Map(),
    classById: [],
    buckets: new Map(),
    bucketById: [],
    measuredNames: new Set(),
    parkedBuckets: [new Bits(), new Bits()],
    dirty: new Set(),
    wanting: new Chain(),
    hoarders: new Set(),
    dependents: new Map(),
    ended: new Map(),
    journal: [],
    journalFirst: 0,
    journalArmed: false,
    draining: false,
    turn: 0,
    topology: 0,
    counters: {
      dropped: { unknownWorker: 0, unknownAttempt: 0, foreign: 0, late: 0 },
      rejectedByCode: new Map(),
      assigned: 0,
      tasksSucceeded: 0,
      tasksFailed: 0,
      attemptsLost: 0,
      revoked: 0,
    },
  };
}
