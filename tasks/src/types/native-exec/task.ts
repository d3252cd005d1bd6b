// NATIVE_EXEC: a native executable with one build per platform, started without a shell inside the worker's sandbox. This is
// the contract; native.ts chooses the build and asks the host to run it.
import { digestSchema, isTaskPath, type Predicate } from '@udcs/protocol';
import * as z from 'zod/mini';
import { argumentsSchema, environmentSchema, isReservedName, stdinSchema, successExitCodesSchema } from '../../kit/fields.ts';
import { defineTaskType } from '../../kit/task-type.ts';

const word = z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,40}$/));

const nativeBuildSchema = z.strictObject({
  /** As in the attribute os.name: linux, darwin, win32, freebsd. */
  os: word,
  /** As in the attribute arch: x64, arm64, riscv64, arm. */
  arch: word,
  /** glibc or musl; leave it out for a static executable. */
  libc: z.optional(z.enum(['glibc', 'musl'])),
  cpuFeatures: z.optional(z.array(word).check(z.maxLength(64))),
  executable: digestSchema,
});
export type NativeBuild = z.infer<typeof nativeBuildSchema>;

const nativeExecSpecSchema = z.strictObject({
  builds: z.array(nativeBuildSchema).check(z.minLength(1), z.maxLength(32)),
  /** argv after the program name, handed over as they are: no shell reads them. */
  args: z._default(argumentsSchema, []),
  env: z._default(environmentSchema, {}),
  stdin: z.optional(stdinSchema),
  /** Relative to the task's folder; "." is the folder itself. */
  workingDir: z._default(z.string().check(z.maxLength(512)), '.'),
  successExitCodes: z._default(successExitCodesSchema, [0]),
  /** Mode bits taken away from files the program makes, as a number (octal 022 is 18). */
  umask: z._default(z.int().check(z.minimum(0), z.maximum(0o777)), 0o022),
});
export type NativeExecSpec = z.infer<typeof nativeExecSpecSchema>;

/** What a worker must be to run this build. */
export function buildPredicates(build: NativeBuild): Predicate[] {
  const predicates: Predicate[] = [
    { attr: 'os.name', op: '=', value: build.os },
    { attr: 'arch', op: '=', value: build.arch },
  ];
  if (build.libc !== undefined) predicates.push({ attr: 'libc', op: '=', value: build.libc });
  if (build.cpuFeatures !== undefined && build.cpuFeatures.length > 0) predicates.push({ attr: 'cpu.features', op: 'contains', value: build.cpuFeatures });
  return predicates;
}

export const nativeExec = defineTaskType<NativeExecSpec>({
  type: 'NATIVE_EXEC',
  summary: 'A native program with one build per platform, sandboxed, without a shell and without network.',
  spec: nativeExecSpecSchema,
  artifacts: (spec) => [...new Set(spec.builds.map((build) => build.executable))],
  alternatives: (spec) => spec.builds.map(buildPredicates),
  isolation: null,
  check(spec) {
    const reserved = Object.keys(spec.env).find(isReservedName);
    if (reserved !== undefined) return `env.${reserved}: names that begin with UDCS_ are set by the system`;
    if (spec.workingDir !== '.' && (!isTaskPath(spec.workingDir) || spec.workingDir.startsWith('/')))
      return `workingDir "${spec.workingDir}" is not a relative path inside the task's folder`;
    const seen = new Set<string>();
    for (const build of spec.builds) {
      const key = JSON.stringify([build.os, build.arch, build.libc ?? '', [...(build.cpuFeatures ?? [])].sort()]);
      if (seen.has(key)) return `two builds are for ${build.os} ${build.arch}${build.libc === undefined ? '' : ` ${build.libc}`}: keep one of them`;
      seen.add(key);
    }
    return null;
  },
  describe: () => 'Starts a native program inside a sandbox on your machine, without network and without access to your files.',
});
