// Everything that can be wrong with a job is found here, before it is written: the envelope's cross-field rules, options whose
// logic has not landed, the spec of each variant by its task type, `${…}` in the first and last task, sizes. Reads nothing;
// what must be looked up (artifacts, upstream jobs) is returned as a list for the caller to check.
import {
  type Digest,
  type Entry,
  expandTask,
  type InputSource,
  isDigest,
  type Job,
  type JobSpec,
  limits,
  normalizeJob,
  notYet,
  substitute,
  UdcsError,
} from '@udcs/protocol';
import { type TaskType, taskTypeOf } from '@udcs/tasks';
import { canonicalJob, payloadHash } from './canonical-hash.ts';
import { parseForPeople } from './issue-text.ts';

export interface CheckedJob {
  readonly spec: JobSpec;
  readonly payloadHash: string;
  readonly idempotencyKey: string | null;
  /** Digests the job names; each must be readable by its owner. */
  readonly artifacts: readonly Digest[];
  /** Upstream outputs it reads. */
  readonly upstream: readonly Extract<InputSource, { job: unknown }>[];
  /** What `plan` shows: the first and the last task. */
  edges(): { readonly first: unknown; readonly last: unknown };
}

export interface SubmitRules {
  readonly allowMock: boolean;
}

/** First and last entry, when entries stand in an artifact; inline ones are in the job. */
export interface EdgeEntries {
  readonly first: Entry;
  readonly last: Entry;
}

/**
 * @param job has passed `jobSchema`
 * @throws UdcsError INVALID_INPUT, NOT_YET, TOO_LARGE
 */
export function checkJob(job: Job, rules: SubmitRules, edges: EdgeEntries | null = null): CheckedJob {
  const missing = notYet(job);
  if (missing !== null) throw new UdcsError('NOT_YET', `${missing} has not landed yet`, { hint: 'leave it out' });
  const canonical = canonicalJob(job);
  const bytes = Buffer.byteLength(canonical);
  if (bytes > limits.jobBytes)
    throw new UdcsError('TOO_LARGE', `the job is ${bytes} bytes of JSON, more than ${limits.jobBytes}`, { hint: 'put entries and data into artifacts' });
  const given = normalizeJob(job);
  checkNames(given);
  const artifacts = new Set<Digest>();
  const upstream: Extract<InputSource, { job: unknown }>[] = [];
  if (given.entries !== null && 'digest' in given.entries) artifacts.add(digestOf(given.entries.digest, 'array.entries'));
  const tasks = edgeTasks(given, edges);
  // Without a placeholder every task is what the job says, which is checked anyway.
  const expanded = canonical.includes('${') ? tasks : [];
  const spec: { -readonly [K in keyof JobSpec]: JobSpec[K] } = given;
  spec.variants = given.variants.map((_variant, at) => checkVariant(given, at, rules, expanded, artifacts));
  checkEveryEntry(spec);
  for (const input of spec.inputs) collectSource(spec, input.name, input.source, tasks, artifacts, upstream);
  const shown = (task: EdgeTask | undefined) => (task === undefined ? null : expandTask(spec, 0, task.index, task.entry));
  return {
    spec,
    payloadHash: payloadHash(canonical),
    idempotencyKey: job.idempotencyKey ?? null,
    artifacts: [...artifacts],
    upstream,
    edges: () => ({ first: shown(tasks[0]), last: shown(tasks.at(-1)) }),
  };
}

interface EdgeTask {
  readonly index: number;
  readonly entry: Entry | null;
}

/** The tasks that are expanded at submit: the first and the last one. */
function edgeTasks(spec: JobSpec, edges: EdgeEntries | null): EdgeTask[] {
  const inline = Array.isArray(spec.entries) ? (spec.entries as readonly Entry[]) : null;
  const first = { index: 0, entry: inline?.[0] ?? edges?.first ?? null };
  if (spec.count === 1) return [first];
  return [first, { index: spec.count - 1, entry: inline?.at(-1) ?? edges?.last ?? null }];
}

function checkNames(spec: JobSpec): void {
  const twice = (names: readonly string[]) => names.find((name, at) => names.indexOf(name) !== at);
  const input = twice(spec.inputs.map((one) => one.name));
  if (input !== undefined) throw new UdcsError('INVALID_INPUT', `two inputs are named "${input}"`);
  const output = twice(spec.outputs.map((one) => one.name));
  if (output !== undefined) throw new UdcsError('INVALID_INPUT', `two outputs are named "${output}"`);
  const path = twice([...spec.inputs.flatMap((one) => (one.path === undefined ? [] : [one.path])), ...spec.outputs.map((one) => one.path)]);
  if (path !== undefined) throw new UdcsError('INVALID_INPUT', `the path "${path}" is used twice`, { hint: 'give every input and output its own path' });
}

function checkVariant(spec: JobSpec, variant: number, rules: SubmitRules, tasks: readonly EdgeTask[], artifacts: Set<Digest>): JobSpec['variants'][number] {
  const chosen = spec.variants[variant] as JobSpec['variants'][number];
  if (chosen.type === 'MOCK' && !rules.allowMock)
    throw new UdcsError('INVALID_INPUT', 'tasks of type MOCK are for tests', { hint: 'start the coordinator with --allow-mock to take them' });
  const taskType = taskTypeOf(chosen.type);
  const root = spec.variants.length === 1 ? 'job.spec' : `job.variants[${variant}].spec`;
  const filled = checkSpec(taskType, chosen.spec, spec, root, artifacts);
  for (const task of tasks) {
    const expanded = namingTask(task, spec, () => expandTask(spec, variant, task.index, task.entry));
    checkSpec(taskType, expanded.spec, spec, `${root} of task ${task.index}`, artifacts);
  }
  return { ...chosen, spec: filled };
}

/** @returns the spec with its type's defaults filled in: what is stored, matched and sent */
function checkSpec(taskType: TaskType, given: unknown, spec: JobSpec, root: string, artifacts: Set<Digest>): Record<string, unknown> {
  const parsed = parseForPeople(taskType.spec, given, root);
  const wrong = taskType.check(parsed, spec);
  if (wrong !== null) throw new UdcsError('INVALID_INPUT', `${root}: ${wrong}`);
  for (const digest of taskType.artifacts(parsed)) artifacts.add(digestOf(digest, root));
  return parsed as Record<string, unknown>;
}

/** An unknown `${…}` says in which task it was met. */
function namingTask<T>(task: EdgeTask, spec: JobSpec, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof UdcsError && spec.isArray)
      throw new UdcsError(thrown.code, `task ${task.index}: ${thrown.message}`, thrown.hint === undefined ? {} : { hint: thrown.hint });
    throw thrown;
  }
}

/** Names used as `${entry.x}` must stand in every inline entry, not only in the first and the last. */
function checkEveryEntry(spec: JobSpec): void {
  if (!Array.isArray(spec.entries)) return;
  const text = JSON.stringify([spec.variants.map((variant) => variant.spec), spec.inputs, spec.outputs]);
  const names = new Set([...text.matchAll(/\$\{entry\.([^}"\\]*)\}/g)].map((match) => match[1] as string));
  const first = (spec.entries as readonly Entry[])[0] ?? {};
  // Specs may hold `${entry.x}` where it is not replaced (shader source); only names that the first entry has are in use.
  const used = [...names].filter((name) => first[name] !== undefined);
  (spec.entries as readonly Entry[]).forEach((entry, index) => {
    const lacking = used.find((name) => entry[name] === undefined);
    if (lacking !== undefined)
      throw new UdcsError('INVALID_INPUT', `job.array.entries[${index}] has no "${lacking}", which the job uses as \${entry.${lacking}}`);
  });
}

function collectSource(
  spec: JobSpec,
  name: string,
  source: InputSource,
  tasks: readonly EdgeTask[],
  artifacts: Set<Digest>,
  upstream: Extract<InputSource, { job: unknown }>[],
): void {
  const where = `the input "${name}"`;
  if ('inline' in source) {
    if (source.inline.includes('${')) return;
    const bytes = Buffer.from(source.inline, 'base64');
    if (bytes.toString('base64').replace(/=+$/, '') !== source.inline.replace(/=+$/, '')) throw new UdcsError('INVALID_INPUT', `${where} is not valid base64`);
    if (bytes.length > limits.inlineInputBytes)
      throw new UdcsError('TOO_LARGE', `${where} is ${bytes.length} bytes, more than the ${limits.inlineInputBytes} that may stand inline`, {
        hint: 'upload it as an artifact',
      });
    return;
  }
  if ('job' in source) {
    upstream.push(source);
    return;
  }
  const entries: readonly EdgeTask[] =
    Array.isArray(spec.entries) && source.digest.includes('${') ? (spec.entries as readonly Entry[]).map((entry, index) => ({ index, entry })) : tasks;
  for (const task of entries) {
    const digest = namingTask(task, spec, () => substitute(source.digest, { index: task.index, count: spec.count, entry: task.entry }));
    artifacts.add(digestOf(digest, where));
  }
}

function digestOf(text: string, where: string): Digest {
  if (isDigest(text)) return text;
  throw new UdcsError('INVALID_INPUT', `${where}: "${text.slice(0, 80)}" is not a digest`, {
    hint: 'a digest is "sha256:" and 64 hexadecimal digits in lower case',
  });
}
