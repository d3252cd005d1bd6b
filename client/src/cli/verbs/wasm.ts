// `udcs wasm MODULE [-- args] < in > out`: behaves like the program itself; only its place is elsewhere.
import { basename } from 'node:path';
import type { Command } from 'commander';
import { collect, environment, filesByName, requireFile, savedPaths } from '../arguments.ts';
import { pipedStdin, runAsProgram } from '../as-program.ts';
import { addJobOptions, type JobFlags, jobFields } from '../job-options.ts';
import { action, addVerb } from '../verb.ts';

interface WasmFlags extends JobFlags {
  readonly entry?: string;
  readonly stdin: boolean;
  readonly env: readonly string[];
  readonly in: readonly string[];
  readonly out: readonly string[];
}

export function addWasm(program: Command): void {
  const command = addVerb(program, {
    usage: 'wasm <module> [args...]',
    summary: 'Run a WASI program on the grid as if it ran here: stdin, stdout, stderr, exit code.',
    examples: ['udcs wasm gzip.wasm -- -9 < notes.txt > notes.txt.gz', 'udcs wasm add.wasm --entry add -- 2 3'],
  });
  addJobOptions(command)
    .option('--entry <function>', 'call this exported function with the args as numbers')
    .option('--env <NAME=value>', 'environment variable', collect, [])
    .option('--in <path=file>', 'a file for the program to read', collect, [])
    .option('--out <path=file>', 'a file the program writes, saved here', collect, [])
    .option('--no-stdin', 'do not read stdin')
    .action(
      action<WasmFlags>(async (context, flags, [module = '', ...args]) => {
        await requireFile(module);
        const grid = context.grid();
        const isFunction = flags.entry !== undefined && flags.entry !== '_start';
        const saved = savedPaths(flags.out);
        const job = { ...jobFields(flags, [basename(module), ...args].join(' ').slice(0, 200)), retry: { maxAttempts: 1 } };
        const asFunction = { entryPoint: flags.entry ?? '', params: args };
        const asProgram = { args, ...pipedStdin(flags.stdin), env: environment(flags.env), files: filesByName(flags.in, '--in'), outputs: saved.outputs };
        const handle = grid.wasm({ path: module }, { signal: context.signal, job, ...(isFunction ? asFunction : asProgram) });
        return runAsProgram(context, grid, handle, flags, { files: saved.files, isFunction });
      }),
    );
}
