// `udcs map MODULE FILES… -o DIR`: one task per file; each reads its file on stdin, its stdout becomes DIR/<file name>.
import { basename } from 'node:path';
import { UdcsError } from '@udcs/protocol';
import type { Command } from 'commander';
import { collect, requireFile } from '../arguments.ts';
import { follow } from '../follow.ts';
import { addJobOptions, followOptions, type JobFlags, jobFields } from '../job-options.ts';
import { action, addVerb } from '../verb.ts';

interface MapFlags extends JobFlags {
  readonly output: string;
  readonly arg: readonly string[];
  readonly suffix: string;
}

export function addMap(program: Command): void {
  const command = addVerb(program, {
    usage: 'map <module> <files...>',
    summary: 'Run a WASI program once per file: the file is stdin, stdout is saved under its name.',
    examples: ['udcs map wc.wasm *.txt -o out/', 'udcs map gzip.wasm logs/*.log --suffix .gz --arg=-9 -o packed/'],
  });
  addJobOptions(command)
    .requiredOption('-o, --output <dir>', 'folder for the results')
    .option('--arg <text>', 'argument for the program; ${entry.name} is the file name', collect, [])
    .option('--suffix <text>', 'appended to the name of each result', '')
    .action(
      action<MapFlags>(async (context, flags, [module = '', ...files]) => {
        await requireFile(module);
        for (const file of files) await requireFile(file);
        const names = files.map((file) => basename(file));
        refuseTwins(files, names);
        const grid = context.grid();
        const handle = grid.map({
          signal: context.signal,
          module: { path: module },
          inputs: files.map((path) => ({ path })),
          names,
          args: flags.arg,
          job: jobFields(flags, `${basename(module)} over ${files.length} files`),
        });
        const save = { folder: flags.output, isArray: true, fileOf: (task: { index: number }) => `${names[task.index]}${flags.suffix}` };
        return follow(context, grid, handle, followOptions(flags, { save, log: null }));
      }),
    );
}

function refuseTwins(files: readonly string[], names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const [at, name] of names.entries()) {
    const first = seen.get(name);
    if (first !== undefined)
      throw new UdcsError('INVALID_INPUT', `${first} and ${files[at]} would both be saved as ${name}`, { hint: 'map them in two runs with different folders' });
    seen.set(name, files[at] as string);
  }
}
