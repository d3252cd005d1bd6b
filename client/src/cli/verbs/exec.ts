// `udcs exec BINARY [-- args]`: runs a native executable of this platform on a worker like it.
import { basename } from 'node:path';
import { UdcsError } from '@udcs/protocol';
import type { Command } from 'commander';
import { collect, environment, filesByName, requireFile, savedPaths } from '../arguments.ts';
import { pipedStdin, runAsProgram } from '../as-program.ts';
import { addJobOptions, type JobFlags, jobFields } from '../job-options.ts';
import { action, addVerb } from '../verb.ts';

interface ExecFlags extends JobFlags {
  readonly platform: string;
  readonly stdin: boolean;
  readonly env: readonly string[];
  readonly in: readonly string[];
  readonly out: readonly string[];
}

/** Every exit code that the schema has room for counts as an end of the program, not as a failure to be tried elsewhere. */
const SUCCESS_EXIT_CODES = Array.from({ length: 64 }, (_, code) => code);

export function addExec(program: Command): void {
  const command = addVerb(program, {
    usage: 'exec <binary> [args...]',
    summary: "Run a native executable in a worker's sandbox as if it ran here.",
    examples: ['udcs exec ./sort -- -n < numbers.txt', 'udcs exec ./tool --in data.bin=big.bin --out out.bin=result.bin'],
  });
  addJobOptions(command)
    .option('--platform <os-arch>', 'what the binary was built for, such as linux-arm64 or linux-x64-musl', `${process.platform}-${process.arch}`)
    .option('--env <NAME=value>', 'environment variable', collect, [])
    .option('--in <path=file>', 'a file for the program to read', collect, [])
    .option('--out <path=file>', 'a file the program writes, saved here', collect, [])
    .option('--no-stdin', 'do not read stdin')
    .action(
      action<ExecFlags>(async (context, flags, [binary = '', ...args]) => {
        await requireFile(binary);
        const grid = context.grid();
        const saved = savedPaths(flags.out);
        const handle = grid.exec({
          signal: context.signal,
          builds: [{ ...platformOf(flags.platform), executable: { path: binary } }],
          job: { ...jobFields(flags, [basename(binary), ...args].join(' ').slice(0, 200)), retry: { maxAttempts: 1 } },
          args,
          ...pipedStdin(flags.stdin),
          env: environment(flags.env),
          files: filesByName(flags.in, '--in'),
          outputs: saved.outputs,
          spec: { successExitCodes: SUCCESS_EXIT_CODES },
        });
        return runAsProgram(context, grid, handle, flags, { files: saved.files, isFunction: false });
      }),
    );
}

function platformOf(text: string): { os: string; arch: string; libc?: 'glibc' | 'musl' } {
  const [os, arch, libc, more] = text.split('-');
  if (!os || !arch || more !== undefined || (libc !== undefined && libc !== 'glibc' && libc !== 'musl')) {
    throw new UdcsError('INVALID_INPUT', `--platform "${text}" has not the form os-arch or os-arch-libc`, {
      hint: 'for example linux-x64, linux-x64-musl, darwin-arm64',
    });
  }
  return { os, arch, ...(libc === undefined ? {} : { libc }) };
}
