#!/usr/bin/env node
// The program `udcs`: reads the command line, runs one verb, ends with its exit code.
import { createRequire } from 'node:module';
import { CommanderError } from 'commander';
import { exitCodeOf, report } from './failure.ts';
import { Output } from './output.ts';
import { createProgram } from './program.ts';
import { end } from './verb.ts';

/** Who reads us may leave early (`udcs jobs | head`). */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
const program = createProgram(version);
const debug = process.argv.includes('--debug');

async function main(): Promise<void> {
  if (process.argv.length <= 2) program.help();
  await program.parseAsync(process.argv);
}

try {
  await main();
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) report(thrown, new Output(process.argv.includes('--json')), debug);
  await end(exitCodeOf(thrown));
}
