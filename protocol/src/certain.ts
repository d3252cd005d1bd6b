// A quick yes for data that a schema takes as it is. Most of what arrives is valid, and to find that out needs no copy and no
// list of issues: `certainlyFits` compiles a schema to plain checks that say yes only when the schema would succeed and return an
// equal value. Anything else, and every schema part it does not know, is a no: then the schema itself is asked.
import * as z from 'zod/mini';

type Fits = (value: unknown) => boolean;
type Schema = z.core.$ZodType;

const never: Fits = () => false;
const compiled = new WeakMap<Schema, Fits>();

/** @returns a check that is true only for values that `schema` parses to an equal value */
export function certainlyFits(schema: Schema): Fits {
  let fits = compiled.get(schema);
  if (fits === undefined) {
    fits = compile(schema);
    compiled.set(schema, fits);
  }
  return fits;
}

/** What the schema makes of the value, without asking it when that is certain. */
export const parseQuickly = <T extends Schema>(schema: T, value: unknown): z.core.util.SafeParseResult<z.core.output<T>> =>
  certainlyFits(schema)(value) ? { success: true, data: value as z.core.output<T> } : z.safeParse(schema, value);

function compile(schema: Schema): Fits {
  const base = compileType(schema);
  const checks = ((schema._zod.def.checks ?? []) as z.core.$ZodCheck[]).map(compileCheck);
  if (base === never || checks.includes(never)) return never;
  const [first, second] = checks;
  if (first === undefined) return base;
  if (second === undefined) return (value) => base(value) && first(value);
  return (value) => base(value) && checks.every((check) => check(value));
}

function compileType(schema: Schema): Fits {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'string':
      return 'format' in def && def.format !== undefined ? never : (value) => typeof value === 'string';
    case 'template_literal': {
      const { pattern } = (schema as z.core.$ZodTemplateLiteral)._zod;
      return (value) => typeof value === 'string' && matches(pattern, value);
    }
    case 'number':
      return compileNumber('format' in def ? String(def.format) : undefined);
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case 'null':
      return (value) => value === null;
    case 'unknown':
      return () => true;
    case 'literal':
    case 'enum': {
      const values = new Set<unknown>((schema as z.core.$ZodEnum | z.core.$ZodLiteral)._zod.values);
      return (value) => values.has(value);
    }
    case 'optional':
      return orElse(certainlyFits(def.innerType), undefined);
    case 'nullable':
      return orElse(certainlyFits(def.innerType), null);
    case 'array':
      return compileArray(certainlyFits(def.element));
    case 'record':
      return compileRecord(certainlyFits(def.keyType), certainlyFits(def.valueType));
    case 'object':
      return compileObject(def);
    case 'union':
      return compileUnion(def as z.core.$ZodUnionDef | z.core.$ZodDiscriminatedUnionDef);
    default:
      return never;
  }
}

function compileCheck(check: z.core.$ZodCheck): Fits {
  const { def } = (check as z.core.$ZodChecks)._zod;
  switch (def.check) {
    case 'min_length':
      return (value) => (value as { length: number }).length >= def.minimum;
    case 'max_length':
      return (value) => (value as { length: number }).length <= def.maximum;
    case 'greater_than':
      return (value) => (def.inclusive ? (value as number) >= Number(def.value) : (value as number) > Number(def.value));
    case 'less_than':
      return (value) => (def.inclusive ? (value as number) <= Number(def.value) : (value as number) < Number(def.value));
    case 'string_format': {
      const { pattern } = def;
      return def.format !== 'regex' || pattern === undefined ? never : (value) => matches(pattern, value as string);
    }
    default:
      return compileRefinement(def as { check: string; fn?: unknown; abort?: unknown });
  }
}

/** A refinement is a function of the value; what it throws is the schema's to report. */
function compileRefinement(def: { readonly check: string; readonly fn?: unknown }): Fits {
  const { fn } = def;
  if (def.check !== 'custom' || typeof fn !== 'function') return never;
  return (value) => {
    try {
      return fn(value) === true;
    } catch {
      return false;
    }
  };
}

function matches(pattern: RegExp, text: string): boolean {
  if (pattern.global || pattern.sticky) pattern.lastIndex = 0;
  return pattern.test(text);
}

function compileNumber(format: string | undefined): Fits {
  if (format === undefined) return (value) => typeof value === 'number' && Number.isFinite(value);
  return format === 'safeint' ? Number.isSafeInteger : never;
}

function orElse(inner: Fits, other: undefined | null): Fits {
  return inner === never ? never : (value) => value === other || inner(value);
}

function compileArray(element: Fits): Fits {
  if (element === never) return never;
  return (value) => {
    if (!Array.isArray(value)) return false;
    for (const item of value) if (!element(item)) return false;
    return true;
  };
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function compileRecord(key: Fits, item: Fits): Fits {
  if (key === never || item === never) return never;
  return (value) => {
    if (!isPlain(value)) return false;
    for (const name in value) if (name === '__proto__' || !key(name) || !item(value[name])) return false;
    return true;
  };
}

/** Strict objects only: others drop or keep what is not named. */
function compileObject(def: z.core.$ZodObjectDef): Fits {
  if (def.catchall?._zod.def.type !== 'never') return never;
  const members = new Map<string, { readonly fits: Fits; readonly required: boolean }>();
  let required = 0;
  for (const [name, member] of Object.entries(def.shape)) {
    const fits = certainlyFits(member);
    if (fits === never) return never; // absent, it may be filled in
    const isRequired = member._zod.optin === undefined;
    if (isRequired) required += 1;
    members.set(name, { fits, required: isRequired });
  }
  return (value) => {
    if (!isPlain(value)) return false;
    let found = 0;
    for (const name in value) {
      const member = members.get(name);
      if (member === undefined || !member.fits(value[name])) return false;
      if (member.required) found += 1;
    }
    return found === required;
  };
}

function compileUnion(def: z.core.$ZodUnionDef | z.core.$ZodDiscriminatedUnionDef): Fits {
  const options = def.options.map((option) => certainlyFits(option as Schema));
  if (!('discriminator' in def)) return options.includes(never) ? never : (value) => options.some((fits) => fits(value));
  const byTag = new Map<unknown, Fits>();
  def.options.forEach((option, at) => {
    for (const tag of (option as Schema)._zod.propValues?.[def.discriminator] ?? []) byTag.set(tag, options[at] ?? never);
  });
  return (value) => isPlain(value) && (byTag.get(value[def.discriminator]) ?? never)(value);
}
