// `npm run test:sim -- --seeds N [--seed S] [--trace] [--mutants]`: runs N seeds from S on and says which broke what.
import { parseArgs } from 'node:util';
import { runSeed } from './world.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    trace: { type: 'boolean' },
    quiet: { type: 'boolean' },
    mutants: { type: 'boolean' },
    'stop-at-first': { type: 'boolean' },
  },
});

const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.seed === undefined ? 1_000 : 1));
if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1) {
  process.stderr.write('--seed and --seeds take whole numbers, for example: --seeds 1000 --seed 1\n');
  process.exit(2);
}

async function runSeeds(): Promise<number> {
  const startedAt = performance.now();
  let broken = 0;
  let simulatedMs = 0;
  let results = 0;
  let steps = 0;
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed(seed, values.trace === true ? { onTrace: (line) => process.stdout.write(`${line}\n`) } : {});
    simulatedMs += result.simulatedMs;
    results += result.results;
    steps += result.steps;
    if (result.broken === null) continue;
    broken++;
    process.stdout.write(`seed ${seed} fails: ${result.broken}\n  rerun: npm run test:sim -- --seed ${seed} --trace\n`);
    if (values['stop-at-first'] === true) break;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const rate = (count / seconds).toFixed(0);
  process.stdout.write(
    `${count} seeds, ${broken} broken; ${(simulatedMs / 3_600_000).toFixed(1)} simulated hours, ${results} results, ${steps} steps in ${seconds.toFixed(1)} s (${rate} seeds/s)\n`,
  );
  return broken;
}

process.exitCode = (await runSeeds()) === 0 ? 0 : 1;
