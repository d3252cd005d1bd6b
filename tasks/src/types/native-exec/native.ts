// NATIVE_EXEC: picks the build that fits this machine and asks the host to run it inside the sandbox. It starts nothing itself.
import { type Attributes, type AttrValue, type Predicate, UdcsError } from '@udcs/protocol';
import {
  type CancelSignal,
  type ExecutorModule,
  type ExecutorResult,
  type ExecutorTask,
  type Host,
  ProgramFailed,
  type SpawnResult,
} from '../../kit/executor.ts';
import { buildPredicates, type NativeBuild, type NativeExecSpec } from './task.ts';

const holds = (attributes: Attributes, { attr, op, value }: Predicate): boolean => {
  const actual: AttrValue | undefined = attributes[attr];
  if (op === '=') return actual === value;
  return Array.isArray(actual) && Array.isArray(value) && value.every((wanted) => actual.includes(wanted));
};

/** The first build this machine can run. @throws UdcsError UNSUPPORTED */
export function chooseBuild(builds: readonly NativeBuild[], attributes: Attributes): NativeBuild {
  const fits = builds.find((build) => buildPredicates(build).every((predicate) => holds(attributes, predicate)));
  if (fits !== undefined) return fits;
  const here = [attributes['os.name'], attributes['arch'], attributes['libc']].filter((part) => part !== undefined).join(' ');
  const given = builds.map((build) => [build.os, build.arch, build.libc].filter((part) => part !== undefined).join(' ')).join(', ');
  throw new UdcsError('UNSUPPORTED', `no build fits this worker (${here}); the job has: ${given}`);
}

async function stdinOf(task: ExecutorTask<NativeExecSpec>, host: Host): Promise<Uint8Array | null> {
  const input = task.inputs.find((candidate) => candidate.path === '/dev/stdin');
  if (input !== undefined) return host.artifacts.read(input.digest);
  return task.spec.stdin === undefined ? null : new TextEncoder().encode(task.spec.stdin);
}

/** 0, 1, 2, 3, 7 as "0 to 3, 7": the whole list may have 64 codes. */
function rangesOf(codes: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const code of [...codes].sort((a, b) => a - b)) {
    const before = ranges.at(-1);
    if (before !== undefined && code <= before.last + 1) before.last = code;
    else ranges.push({ first: code, last: code });
  }
  return ranges.map(({ first, last }) => (first === last ? String(first) : `${first} to ${last}`)).join(', ');
}

/** @throws when the program did not end well */
function checkEnd(spec: NativeExecSpec, result: SpawnResult): void {
  const { exitCode, signal } = result;
  if (result.limit !== null) throw new ProgramFailed(result.limit.code, result.limit.message, { exitCode, signal });
  if (signal !== null) throw new ProgramFailed('CRASHED', `the program was ended by ${signal}`, { exitCode, signal });
  if (exitCode === null) throw new ProgramFailed('CRASHED', 'the program ended without an exit code', {});
  if (!spec.successExitCodes.includes(exitCode)) {
    const wanted = rangesOf(spec.successExitCodes);
    throw new ProgramFailed('EXIT_CODE', `the program exited with code ${exitCode} (success is ${wanted})`, { exitCode });
  }
}

async function execute(task: ExecutorTask<NativeExecSpec>, host: Host, signal: CancelSignal): Promise<ExecutorResult> {
  if (host.spawn === null) throw new UdcsError('UNSUPPORTED', 'this worker can not start native programs');
  const { spec } = task;
  const build = chooseBuild(spec.builds, host.attributes);
  const stdin = await stdinOf(task, host);
  if (signal.aborted) throw new UdcsError('CANCELED', 'canceled before it started');
  const result = await host.spawn({
    executable: build.executable,
    args: spec.args,
    env: { ...spec.env, ...task.environment },
    stdin,
    workingDir: spec.workingDir,
    umask: spec.umask,
    files: task.inputs.flatMap((input) => (input.path === null || input.path.startsWith('/dev/') ? [] : [{ path: input.path, digest: input.digest }])),
    outputs: task.outputs,
  });
  checkEnd(spec, result);
  const missing = task.outputs.find((output) => !Object.hasOwn(result.outputs, output.name));
  if (missing !== undefined) throw new UdcsError('OUTPUT_MISSING', `the program did not write "${missing.path}", the output "${missing.name}"`);
  return {
    exitCode: result.exitCode,
    usage: {
      ...(result.cpuMs === null ? {} : { cpuMs: result.cpuMs }),
      ...(result.peakMemoryBytes === null ? {} : { peakMemoryBytes: result.peakMemoryBytes }),
    },
  };
}

const executor: ExecutorModule<NativeExecSpec> = {
  execute,
  // What can be proven here is that there is a way to start programs at all; the sandbox itself is probed by the host.
  selfCheck: async (host) => (host.spawn === null ? 'this worker has no way to start native programs' : null),
};
export default executor;
