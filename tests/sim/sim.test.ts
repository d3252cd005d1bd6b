// The simulator as part of `npm test`: a few hundred seeds, the seeds that once found a bug, the proof that a seed replays
// byte for byte, and the proof that known bugs would be found.
import { describe, expect, it } from 'vitest';
import { mutantNames, runMutant } from './mutants.ts';
import { regressions } from './regressions.ts';
import { runSeed } from './world.ts';

const SEEDS = 300;
const FIRST = 10_001;

describe('a simulated grid', () => {
  it(`keeps every promise in ${SEEDS} seeds of crashes, cuts, lies and full disks`, async () => {
    const broken: string[] = [];
    let results = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const run = await runSeed(seed);
      results += run.results;
      if (run.broken !== null) broken.push(`seed ${seed}: ${run.broken} (rerun: npm run test:sim -- --seed ${seed} --trace)`);
    }
    expect(broken).toEqual([]);
    expect(results).toBeGreaterThan(SEEDS * 3);
  });

  it('replays a seed byte for byte', async () => {
    for (const seed of [5, 77, 4_711]) {
      const lines: string[] = [];
      const first = await runSeed(seed, { onTrace: (line) => lines.push(line) });
      const again: string[] = [];
      const second = await runSeed(seed, { onTrace: (line) => again.push(line) });
      expect(again).toEqual(lines);
      expect(second).toEqual(first);
    }
  });

  it('does different things for different seeds', async () => {
    const traces = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) traces.add((await runSeed(seed)).trace);
    expect(traces.size).toBe(20);
  });
});

describe('seeds that once found a bug', () => {
  it.each(regressions)('$seed: $found', async ({ seed }) => {
    expect((await runSeed(seed)).broken).toBeNull();
  });
});

describe('known bugs', () => {
  it.each(mutantNames())('%s is caught', (name) => {
    const verdict = runMutant(name);
    expect(verdict.caught, verdict.how).toBe(true);
  });

  it('cover the six that matter most', () => {
    expect(mutantNames()).toEqual(
      expect.arrayContaining(['ack-before-commit', 'adoption-without-mac', 'epoch-not-raised', 'lease-on-wall-clock', 'no-fence', 'no-idempotency']),
    );
  });
});
