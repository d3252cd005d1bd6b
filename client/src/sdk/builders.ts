// From bytes and a few options to a job: uploads what is named and writes the envelope. One function per task type that
// has a short form; everything else is submitted as a job.
import { type Digest, type Job, limits, UdcsError } from '@udcs/protocol';
import type { Artifacts } from './artifacts.ts';
import type { Uploadable } from './byte-source.ts';
import type { WaitOptions } from './job-handle.ts';

/** Fields of the envelope that every short form passes through. */
export interface JobOptions extends WaitOptions {
  readonly job?: Omit<Job, 'type' | 'spec' | 'variants' | 'array' | 'inputs' | 'outputs'>;
}

interface ProgramOptions extends JobOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uploadable;
  /** Files by the path at which the program finds them. */
  readonly files?: Readonly<Record<string, Uploadable>>;
  /** Paths that the program writes, by output name. stdout and stderr are always outputs. */
  readonly outputs?: Readonly<Record<string, string>>;
}

export interface WasmOptions extends ProgramOptions {
  /** `_start` (default) or an exported function that takes `params`. */
  readonly entryPoint?: string;
  readonly params?: readonly (number | string)[];
  /** Further fields of the WASM spec, such as `features` or `deterministic`. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface ExecOptions extends ProgramOptions {
  readonly builds: readonly {
    readonly os: string;
    readonly arch: string;
    readonly libc?: 'glibc' | 'musl';
    readonly cpuFeatures?: readonly string[];
    readonly executable: Uploadable;
  }[];
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface WgslOptions extends JobOptions {
  readonly entryPoint: string;
  readonly workgroups: readonly number[];
  /** Bindings of the shader as the WGSL_KERNEL spec has them; `input` and `output` name entries of the maps below. */
  readonly bindings: readonly Readonly<Record<string, unknown>>[];
  readonly inputs?: Readonly<Record<string, Uploadable>>;
  readonly outputs?: readonly string[];
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface MapOptions extends JobOptions {
  readonly module: Uploadable;
  readonly inputs: readonly Uploadable[];
  /** Same arguments for each; `${index}` and `${entry.name}` are replaced. */
  readonly args?: readonly string[];
  /** Names by which tasks know their inputs (`${entry.name}`); default: the index. */
  readonly names?: readonly string[];
  readonly spec?: Readonly<Record<string, unknown>>;
}

type Inputs = NonNullable<Job['inputs']>;
type Outputs = NonNullable<Job['outputs']>;

export async function wasmJob(artifacts: Artifacts, module: Uploadable, options: WasmOptions): Promise<Job> {
  const { digest } = await artifacts.put(module, options);
  const isCommand = (options.entryPoint ?? '_start') === '_start';
  const spec = {
    module: digest,
    ...(options.entryPoint === undefined ? {} : { entryPoint: options.entryPoint }),
    ...(options.params === undefined ? {} : { params: options.params }),
    ...programSpec(options),
  };
  return { ...options.job, type: 'WASM', spec, inputs: await programInputs(artifacts, options), outputs: isCommand ? programOutputs(options) : [] };
}

export async function execJob(artifacts: Artifacts, options: ExecOptions): Promise<Job> {
  const uploads = await artifacts.putMany(
    options.builds.map((build) => build.executable),
    options,
  );
  const builds = options.builds.map((build, at) => ({ ...build, executable: (uploads[at] as { digest: Digest }).digest }));
  return {
    ...options.job,
    type: 'NATIVE_EXEC',
    spec: { builds, ...programSpec(options) },
    inputs: await programInputs(artifacts, options),
    outputs: programOutputs(options),
  };
}

export async function wgslJob(artifacts: Artifacts, code: string, options: WgslOptions): Promise<Job> {
  const inputs = await uploadInputs(artifacts, options.inputs ?? {}, options);
  return {
    ...options.job,
    type: 'WGSL_KERNEL',
    spec: { code, entryPoint: options.entryPoint, workgroups: options.workgroups, bindings: options.bindings, ...options.spec },
    inputs,
    outputs: (options.outputs ?? []).map((name) => ({ name })),
  };
}

export async function mapJob(artifacts: Artifacts, options: MapOptions): Promise<Job> {
  if (options.inputs.length === 0) throw new UdcsError('INVALID_INPUT', 'map needs at least one input');
  const [module, ...inputs] = await artifacts.putMany([options.module, ...options.inputs], options);
  const entries = inputs.map(({ digest }, index) => ({ digest, name: options.names?.[index] ?? String(index) }));
  return {
    ...options.job,
    type: 'WASM',
    spec: { module: (module as { digest: Digest }).digest, ...(options.args === undefined ? {} : { args: options.args }), ...options.spec },
    array: await arrayOf(artifacts, entries, options),
    inputs: [{ name: 'stdin', source: { digest: '${entry.digest}' }, path: '/dev/stdin' }],
    outputs: [{ name: 'stdout', path: '/dev/stdout' }],
  };
}

/** Entries inline, or as a JSONL artifact when they are many. */
async function arrayOf(artifacts: Artifacts, entries: readonly Record<string, string>[], options: WaitOptions): Promise<NonNullable<Job['array']>> {
  if (entries.length <= limits.inlineEntries && JSON.stringify(entries).length < limits.jobBytes / 4) return { entries: [...entries] };
  const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  const { digest } = await artifacts.put(lines, options);
  return { entries: digest, count: entries.length };
}

function programSpec(options: ProgramOptions & { readonly spec?: Readonly<Record<string, unknown>> }): Record<string, unknown> {
  return { ...(options.args === undefined ? {} : { args: options.args }), ...(options.env === undefined ? {} : { env: options.env }), ...options.spec };
}

async function programInputs(artifacts: Artifacts, options: ProgramOptions): Promise<Inputs> {
  const stdin: Inputs = [];
  if (options.stdin !== undefined) {
    const { digest } = await artifacts.put(options.stdin, options);
    stdin.push({ name: 'stdin', source: { digest }, path: '/dev/stdin' });
  }
  const paths = Object.keys(options.files ?? {});
  const uploads = await artifacts.putMany(Object.values(options.files ?? {}), options);
  return [...stdin, ...uploads.map(({ digest }, at) => ({ name: `file-${at}`, source: { digest }, path: paths[at] as string }))];
}

function programOutputs(options: ProgramOptions): Outputs {
  const files = Object.entries(options.outputs ?? {}).map(([name, path]) => ({ name, path }));
  return [{ name: 'stdout', path: '/dev/stdout' }, { name: 'stderr', path: '/dev/stderr' }, ...files];
}

async function uploadInputs(artifacts: Artifacts, given: Readonly<Record<string, Uploadable>>, options: WaitOptions): Promise<Inputs> {
  const names = Object.keys(given);
  const uploads = await artifacts.putMany(Object.values(given), options);
  return uploads.map(({ digest }, at) => ({ name: names[at] as string, source: { digest } }));
}
