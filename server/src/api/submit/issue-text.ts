// Turns schema issues into sentences for people: where, what is wrong, and which key was probably meant. Works on zod's
// issues and schemas alike for `zod` and `zod/mini`; it never shows the whole input.
import { parseQuickly, UdcsError } from '@udcs/protocol';
import type * as z from 'zod';

type Schema = z.core.$ZodType;
type Issue = z.core.$ZodIssue;

/**
 * Parses `value`.
 * @throws UdcsError INVALID_INPUT that says where and what, or TOO_LARGE when a list is over its limit
 */
export function parseForPeople<T extends Schema>(schema: T, value: unknown, root = ''): z.core.output<T> {
  const parsed = parseQuickly(schema, value);
  if (parsed.success) return parsed.data;
  throw issuesToError({ schema, value, root }, parsed.error.issues);
}

interface Parsed {
  readonly schema: Schema;
  readonly value: unknown;
  readonly root: string;
}

function issuesToError(parsed: Parsed, issues: readonly Issue[]): UdcsError {
  const told = issues.map((issue) => tell(parsed, issue, []));
  const shown = told.slice(0, 3).map((entry) => entry.message);
  const rest = told.length - shown.length;
  const hint = told.find((entry) => entry.hint !== null)?.hint ?? null;
  const onlySizes = issues.every((issue) => issue.code === 'too_big' && (issue.origin === 'array' || issue.origin === 'string'));
  return new UdcsError(onlySizes ? 'TOO_LARGE' : 'INVALID_INPUT', shown.join('; ') + (rest > 0 ? `; and ${rest} more` : ''), hint === null ? {} : { hint });
}

interface Told {
  readonly message: string;
  readonly hint: string | null;
}

function tell(parsed: Parsed, issue: Issue, prefix: readonly PropertyKey[]): Told {
  const { schema, root } = parsed;
  const path = [...prefix, ...issue.path];
  if (issue.code === 'invalid_union') {
    const branch = closestBranch(issue.errors);
    if (branch !== null) return tell(parsed, branch, path);
    const choices = discriminatorChoices(schema, path, issue.discriminator);
    return {
      message: `${at(path, root)}${choices === null ? 'fits none of the allowed forms' : `${issue.discriminator} must be one of ${choices}`}`,
      hint: null,
    };
  }
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    const first = issue.keys[0] as string;
    const near = nearest(first, known);
    const names = issue.keys
      .slice(0, 5)
      .map((key) => `"${key}"`)
      .join(', ');
    return {
      message: `${at(path, root)}unknown key${issue.keys.length > 1 ? 's' : ''} ${names}`,
      hint: near !== null ? `did you mean "${near}"?` : known.length > 0 && known.length <= 40 ? `known keys are ${known.join(', ')}` : null,
    };
  }
  return { message: at(path, root) + describe(issue, typeAt(parsed.value, path)), hint: null };
}

function describe(issue: Issue, received: string): string {
  switch (issue.code) {
    case 'invalid_type':
      return received === 'nothing' ? `is missing (expected ${issue.expected})` : `expected ${issue.expected}, received ${received}`;
    case 'too_big':
      return `is over its limit of ${String(issue.maximum)}${unit(issue.origin)}`;
    case 'too_small':
      return `must ${issue.origin === 'number' || issue.origin === 'int' ? `be at least ${String(issue.minimum)}` : `have at least ${String(issue.minimum)}${unit(issue.origin)}`}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${JSON.stringify(issue.values[0])}`
        : `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'regex' || issue.format === 'template_literal'
        ? `does not have the form ${String(issue.pattern ?? '')}`
        : `is not a valid ${issue.format}`;
    case 'custom':
      return issue.message === 'Invalid input' ? 'is not valid' : issue.message;
    default:
      return issue.message.toLowerCase();
  }
}

/** What stands at a path, in one word. */
function typeAt(value: unknown, path: readonly PropertyKey[]): string {
  let at: unknown = value;
  for (const part of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, part) : undefined;
  if (at === undefined) return 'nothing';
  return at === null ? 'null' : Array.isArray(at) ? 'array' : typeof at;
}

const unit = (origin: string): string => (origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '');

/** `job.array.entries[3]: ` */
function at(path: readonly PropertyKey[], root: string): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part).slice(0, 80)}`)).join('');
  const whole = root === '' ? text.replace(/^\./, '') : root + text;
  return whole === '' ? '' : `${whole}: `;
}

/** Of a union's branches, the complaint of the one that came furthest: a wrong outer shape says little. */
function closestBranch(branches: readonly (readonly Issue[])[]): Issue | null {
  let best: { issue: Issue; score: number } | null = null;
  for (const branch of branches) {
    const issue = branch[0];
    if (issue === undefined) continue;
    const wrongShape = branch.some((one) => one.code === 'invalid_type' && one.path.length === 0);
    const missing = branch.filter((one) => one.code === 'invalid_type' && one.path.length > 0).length;
    const score = (wrongShape ? -100 : 0) - missing * 10 - branch.length;
    if (!wrongShape && (best === null || score > best.score)) best = { issue: branch.find((one) => one.code === 'unrecognized_keys') ?? issue, score };
  }
  return best?.issue ?? null;
}

/** The schemas a path may lead to; several inside unions. */
function schemasAt(schema: Schema, path: readonly PropertyKey[]): readonly Schema[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'readonly':
      return schemasAt(def.innerType, path);
    case 'pipe':
      return schemasAt(def.in, path);
    case 'lazy':
      return schemasAt(def.getter(), path);
    case 'union':
      return def.options.flatMap((option) => schemasAt(option, path));
    default:
      break;
  }
  const [head, ...rest] = path;
  if (head === undefined) return [schema];
  if (def.type === 'object') {
    const member = def.shape[String(head)];
    return member === undefined ? [] : schemasAt(member, rest);
  }
  if (def.type === 'array') return schemasAt(def.element, rest);
  if (def.type === 'record') return schemasAt(def.valueType, rest);
  return [];
}

function keysAt(schema: Schema, path: readonly PropertyKey[]): string[] {
  const keys = schemasAt(schema, path).flatMap((found) => {
    const def = (found as z.core.$ZodTypes)._zod.def;
    return def.type === 'object' ? Object.keys(def.shape) : [];
  });
  return [...new Set(keys)];
}

function discriminatorChoices(schema: Schema, path: readonly PropertyKey[], discriminator: string | undefined): string | null {
  if (discriminator === undefined) return null;
  const parent = path.at(-1) === discriminator ? path.slice(0, -1) : path;
  const values = schemasAt(schema, [...parent, discriminator]).flatMap((found) => {
    const def = (found as z.core.$ZodTypes)._zod.def;
    return def.type === 'literal' ? def.values.map((value) => JSON.stringify(value)) : [];
  });
  return values.length === 0 ? null : values.join(', ');
}

/** The known key within two edits of `key` (one for short keys), or null. */
function nearest(key: string, known: readonly string[]): string | null {
  const allowed = key.length <= 4 ? 1 : 2;
  let best: { name: string; distance: number } | null = null;
  for (const name of known) {
    const distance = editDistance(key.toLowerCase(), name.toLowerCase(), allowed);
    if (distance <= allowed && (best === null || distance < best.distance)) best = { name, distance };
  }
  return best?.name ?? null;
}

/** Insertions, deletions, substitutions and swaps of neighbours; more than `limit` is answered as limit + 1. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit || a.length > 100) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] as number) + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length] as number;
}
