// The REST face of the API table: which row a method and path mean, and how path, query and body become its input. Query text
// becomes numbers and booleans where the schema says so, nothing else is guessed.
import { api, type ProcedureName, UdcsError } from '@udcs/protocol';
import * as z from 'zod';

export interface RestRoute {
  readonly procedure: ProcedureName;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As in OpenAPI, without the prefix: `/jobs/{id}`. */
  readonly path: string;
  readonly parameters: readonly string[];
  readonly pattern: RegExp;
  /** JSON Schema of the input, an object. */
  readonly input: ObjectSchema;
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, Record<string, unknown>>>;
  readonly required: readonly string[];
}

export const REST_PREFIX = '/api/v1';

const compile = (path: string): RegExp => new RegExp(`^${path.replace(/\{[a-z]+\}/gi, '([^/]+)')}$`);

/** JSON Schema of a row's schema, as OpenAPI 3.1 uses it (draft 2020-12). */
export function jsonSchemaOf(schema: z.core.$ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' });
  return rest;
}

export const restRoutes: readonly RestRoute[] = (Object.keys(api) as ProcedureName[]).flatMap((procedure) => {
  const row: { rest?: { method: RestRoute['method']; path: string }; input: z.core.$ZodType } = api[procedure];
  if (row.rest === undefined) return [];
  const input = jsonSchemaOf(row.input, 'input') as Partial<ObjectSchema>;
  const parameters = [...row.rest.path.matchAll(/\{([a-z]+)\}/gi)].map((match) => match[1] as string);
  return [
    {
      procedure,
      method: row.rest.method,
      path: row.rest.path,
      parameters,
      pattern: compile(row.rest.path),
      input: { properties: input.properties ?? {}, required: input.required ?? [] },
    },
  ];
});

export type RestMatch = { readonly route: RestRoute; readonly values: Readonly<Record<string, string>> } | { readonly allow: readonly string[] };

/** The route of a path under the prefix; the allowed methods when only the method is wrong; empty when there is no such path. */
export function matchRoute(method: string, path: string): RestMatch {
  const allow: string[] = [];
  // Paths without parameters first: /jobs/plan is not a job id.
  for (const route of [...restRoutes].sort((a, b) => a.parameters.length - b.parameters.length)) {
    const found = route.pattern.exec(path);
    if (found === null) continue;
    if (route.method !== method) {
      allow.push(route.method);
      continue;
    }
    return { route, values: Object.fromEntries(route.parameters.map((name, at) => [name, decode(found[at + 1] as string)])) };
  }
  return { allow };
}

/** @throws UdcsError INVALID_INPUT */
export function inputOf(route: RestRoute, values: Readonly<Record<string, string>>, query: URLSearchParams, body: unknown): Record<string, unknown> {
  const fromQuery: Record<string, unknown> = {};
  for (const [name, text] of query) {
    if (Object.hasOwn(fromQuery, name)) throw new UdcsError('INVALID_INPUT', `the query parameter "${name.slice(0, 80)}" is given twice`);
    fromQuery[name] = typed(text, route.input.properties[name]);
  }
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body)))
    throw new UdcsError('INVALID_INPUT', 'the request body is not a JSON object');
  return { ...(body as object | undefined), ...fromQuery, ...values };
}

function typed(text: string, schema: Record<string, unknown> | undefined): unknown {
  const type = schema?.['type'];
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new UdcsError('INVALID_INPUT', 'the path is not valid URL encoding');
  }
}
