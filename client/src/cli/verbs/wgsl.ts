// `udcs wgsl FILE`: runs a compute shader over files as buffers and writes its results to files.
import { basename } from 'node:path';
import { type BlobRef, type TaskView, UdcsError } from '@udcs/protocol';
import type { Command } from 'commander';
import { collect, filesByName, pairs } from '../arguments.ts';
import { EXIT } from '../failure.ts';
import { follow } from '../follow.ts';
import { readText } from '../job-file.ts';
import { addJobOptions, followOptions, type JobFlags, jobFields, logPrinter } from '../job-options.ts';
import { saveBlob } from '../save-outputs.ts';
import { bindingsOf, shaderVariables } from '../shader-bindings.ts';
import { action, addVerb } from '../verb.ts';
import { parseCount } from '../words.ts';

interface WgslFlags extends JobFlags {
  readonly entry: string;
  readonly workgroups: string;
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly set: readonly string[];
  readonly output: string;
}

export function addWgsl(program: Command): void {
  const command = addVerb(program, {
    usage: 'wgsl <file>',
    summary: 'Run a WebGPU compute shader; --in and --out name its @binding variables.',
    examples: [
      'udcs wgsl add.wgsl --workgroups 16 --in a=a.bin --in b=b.bin --out c=f32:1024',
      'udcs wgsl life.wgsl --entry step --workgroups 8,8 --out grid=u32:4096 -o out/',
    ],
  });
  addJobOptions(command)
    .option('--entry <function>', 'the @compute function', 'main')
    .requiredOption('--workgroups <x,y,z>', 'workgroups to dispatch')
    .option('--in <name=file>', 'fill this variable from a file', collect, [])
    .option('--out <name=type:count>', 'read this variable back', collect, [])
    .option('--set <name=value>', 'value of an override declaration', collect, [])
    .option('-o, --output <dir>', 'folder for the results, one <name>.bin each', '.')
    .action(
      action<WgslFlags>(async (context, flags, [file = '']) => {
        const code = await readText(file);
        const inputs = filesByName(flags.in, '--in');
        const outputs = new Map(pairs(flags.out, '--out', 'name=type:count'));
        if (outputs.size === 0) throw new UdcsError('INVALID_INPUT', 'nothing is read back', { hint: 'name a storage variable: --out c=f32:1024' });
        const bindings = bindingsOf(shaderVariables(code), new Set(Object.keys(inputs)), outputs, file);
        const grid = context.grid();
        const handle = grid.wgsl(code, {
          signal: context.signal,
          entryPoint: flags.entry,
          workgroups: workgroupsOf(flags.workgroups),
          bindings,
          inputs,
          outputs: [...outputs.keys()],
          spec: flags.set.length === 0 ? {} : { overrides: Object.fromEntries(pairs(flags.set, '--set', 'name=value')) },
          job: jobFields(flags, basename(file)),
        });
        const settled: TaskView[] = [];
        const exitCode = await follow(
          context,
          grid,
          handle,
          followOptions(flags, { log: logPrinter(context, false), onTask: (task) => void settled.push(task) }),
        );
        const [task] = settled;
        if (exitCode !== EXIT.ok || task === undefined) return exitCode;
        for (const name of outputs.keys()) {
          const target = `${flags.output}/${name}.bin`;
          await saveBlob(grid, task.outputs[name] as BlobRef, target, context.signal);
          context.out.event({ type: 'saved', output: name, file: target });
          context.out.say(target);
        }
        return EXIT.ok;
      }),
    );
}

function workgroupsOf(text: string): [number, number, number] {
  const parts = text.split(/[,x]/).map((part) => parseCount(part, '--workgroups'));
  if (parts.length < 1 || parts.length > 3) throw new UdcsError('INVALID_INPUT', `--workgroups takes one to three numbers, not "${text}"`);
  return [parts[0] ?? 1, parts[1] ?? 1, parts[2] ?? 1];
}
