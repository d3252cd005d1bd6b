// What one seed lives through: drawn once at the start, so that some seeds are calm in one respect and wild in another.
import type { Job } from '@udcs/protocol';
import type { Random } from './random.ts';
import type { Intent } from './sim-client.ts';
import type { NetProfile } from './socket.ts';

export interface Profile {
  readonly workers: number;
  readonly hostile: boolean;
  readonly intents: readonly Intent[];
  readonly net: NetProfile;
  readonly commitMs: { readonly least: number; readonly most: number };
  readonly answersLost: number;
  /** Until then things go wrong; after it all is well. */
  readonly faultsUntilMs: number;
  /** How often each kind of trouble comes, in that time. */
  readonly troubles: Readonly<Record<Trouble, number>>;
}

export const TROUBLES = [
  'coordinatorCrash',
  'shutdown',
  'fuse',
  'workerCrash',
  'freeze',
  'cutLine',
  'silentCut',
  'drain',
  'leave',
  'clockJump',
  'diskFull',
] as const;
export type Trouble = (typeof TROUBLES)[number];

const OWNERS = ['own_a', 'own_b'] as const;

export function drawProfile(random: Random): Profile {
  const faultsUntilMs = random.int(20_000, 60_000);
  const often = (most: number): number => (random.chance(0.5) ? random.int(1, most) : 0);
  return {
    workers: random.int(2, 4),
    hostile: random.chance(0.4),
    intents: drawIntents(random, random.int(3, 8), faultsUntilMs),
    net: { delayMs: { least: 1, most: random.pick([5, 50, 300]) }, noticeMs: random.pick([100, 5_000]) },
    commitMs: { least: 1, most: random.pick([4, 30, 400]) },
    answersLost: random.pick([0, 0.1, 0.4]),
    faultsUntilMs,
    troubles: {
      coordinatorCrash: often(2),
      shutdown: often(1),
      fuse: often(3),
      workerCrash: often(3),
      freeze: often(3),
      cutLine: often(5),
      silentCut: often(2),
      drain: often(2),
      leave: often(2),
      clockJump: often(3),
      diskFull: often(2),
    },
  };
}

function drawIntents(random: Random, count: number, untilMs: number): Intent[] {
  const intents: Intent[] = [];
  for (let number = 0; number < count; number++) {
    const owner = random.pick(OWNERS);
    const earlier = intents.filter((other) => other.owner === owner);
    const submitAtMs = random.int(0, Math.floor(untilMs * 0.6));
    intents.push({
      key: `key-${number}`,
      owner,
      job: random.chance(0.2) ? planned(random) : plain(random),
      after: earlier.length > 0 && random.chance(0.3) ? [random.pick(earlier)] : [],
      afterAny: earlier.length > 0 && random.chance(0.25) ? [random.pick(earlier)] : [],
      cancelAtMs: random.chance(0.3) ? submitAtMs + random.int(0, random.pick([3_000, 15_000])) : null,
      submitAtMs,
      id: null,
      refused: null,
      canceled: false,
    });
  }
  return intents;
}

const common = { resources: { cpus: 1, memoryBytes: 1_000_000, diskBytes: 0 }, timeouts: { executionMs: 60_000 } };

const plain = (random: Random): Job => ({
  type: 'MOCK',
  spec: {},
  ...common,
  ...(random.chance(0.7) ? { array: { count: random.int(1, 8) } } : {}),
  ...(random.chance(0.1) ? { maxFailures: 1 } : {}),
  retry: { maxAttempts: random.int(1, 4) },
  priority: random.int(0, 100),
});

const planned = (random: Random): Job => ({ type: 'VIDEO_ENCODE', spec: { parts: random.int(1, 4) }, ...common });
