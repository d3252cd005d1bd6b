// `npm run test:sim -- --seeds N [--seed S] [--trace] [--mutants]`: runs N seeds from S on, over the processors there are, and
// says which seed broke which promise. With --mutants it runs the deliberate bugs instead, each of which must be caught.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { runMutants } from './mutants.ts';
import { runSeed } from './world.ts';

interface Tally {
  seeds: number;
  broken: number;
  simulatedMs: number;
  results: number;
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    trace: { type: 'boolean' },
    mutants: { type: 'boolean' },
    'stop-at-first': { type: 'boolean' },
    processes: { type: 'string' },
    /** For the processes this one starts: the tally goes to stdout as one line of JSON. */
    tally: { type: 'boolean' },
  },
});

const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.seed === undefined ? 1_000 : 1));
const processes = Number(values.processes ?? (count < 200 || values['stop-at-first'] === true ? 1 : Math.min(4, availableParallelism())));

async function runHere(): Promise<Tally> {
  const tally: Tally = { seeds: 0, broken: 0, simulatedMs: 0, results: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed(seed, values.trace === true ? { onTrace: (line) => process.stdout.write(`${line}\n`) } : {});
    tally.seeds++;
    tally.simulatedMs += result.simulatedMs;
    tally.results += result.results;
    if (result.broken === null) continue;
    tally.broken++;
    process.stdout.write(`seed ${seed} fails: ${result.broken}\n  rerun: npm run test:sim -- --seed ${seed} --trace\n`);
    if (values['stop-at-first'] === true) break;
  }
  return tally;
}

async function runSpread(): Promise<Tally> {
  const share = Math.ceil(count / processes);
  const tallies = await Promise.all(
    Array.from({ length: processes }, (_, part) => {
      const from = first + part * share;
      return runElsewhere(from, Math.min(share, first + count - from));
    }),
  );
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + of(tally), 0);
  return {
    seeds: sum((tally) => tally.seeds),
    broken: sum((tally) => tally.broken),
    simulatedMs: sum((tally) => tally.simulatedMs),
    results: sum((tally) => tally.results),
  };
}

/** Runs some seeds in a process of their own; a process that dies without its tally counts as broken. */
function runElsewhere(from: number, seeds: number): Promise<Tally> {
  if (seeds <= 0) return Promise.resolve({ seeds: 0, broken: 0, simulatedMs: 0, results: 0 });
  const child = spawn(
    process.execPath,
    [...process.execArgv, import.meta.filename, '--seed', String(from), '--seeds', String(seeds), '--processes', '1', '--tally'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let tally: Tally | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{"seeds":')) tally = JSON.parse(line) as Tally;
    else process.stdout.write(`${line}\n`);
  });
  return new Promise((resolve) => {
    child.on('close', () => resolve(tally ?? { seeds: 0, broken: 1, simulatedMs: 0, results: 0 }));
  });
}

async function main(): Promise<number> {
  if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1 || !Number.isInteger(processes) || processes < 1) {
    process.stderr.write('--seed, --seeds and --processes take whole numbers, for example: --seeds 1000 --seed 1\n');
    return 2;
  }
  if (values.mutants === true) return (await runMutants((line) => process.stdout.write(`${line}\n`))) ? 0 : 1;
  const startedAt = performance.now();
  const tally = processes === 1 ? await runHere() : await runSpread();
  const seconds = (performance.now() - startedAt) / 1000;
  if (values.tally === true) process.stdout.write(`${JSON.stringify(tally)}\n`);
  else
    process.stdout.write(
      `${tally.seeds} seeds, ${tally.broken} broken: ${(tally.simulatedMs / 3_600_000).toFixed(1)} simulated hours, ${tally.results} results in ${seconds.toFixed(1)} s (${(tally.seeds / seconds).toFixed(0)} seeds/s)\n`,
    );
  return tally.broken === 0 ? 0 : 1;
}

process.exitCode = await main();
