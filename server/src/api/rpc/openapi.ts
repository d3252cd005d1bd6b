// The OpenAPI 3.1 document, generated from the API table. Schemas are JSON Schema draft 2020-12, which 3.1 embeds as it is.
import { api, type ProcedureName, restErrorSchema } from '@udcs/protocol';
import type * as z from 'zod';
import { jsonSchemaOf, REST_PREFIX, type RestRoute, restRoutes } from './rest-routes.ts';

export function openApiDocument(options: { readonly publicUrl: string; readonly version: string }): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of restRoutes) {
    paths[route.path] ??= {};
    (paths[route.path] as Record<string, unknown>)[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'UDCS',
      version: options.version,
      description: 'Browser tabs and native machines as one computer. Subscriptions are offered over tRPC only.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: `${options.publicUrl}${REST_PREFIX}` }],
    tags: [...new Set(restRoutes.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A token of `udcs token create`.' } },
      schemas: { Error: jsonSchemaOf(restErrorSchema, 'output') },
      responses: {
        Error: {
          description: 'What went wrong, in words, with a code and what to do about it.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  };
}

const tagOf = (route: RestRoute): string => route.procedure.split('.')[0] as string;

function operation(route: RestRoute): Record<string, unknown> {
  const row: { scope: string; summary: string; output: z.core.$ZodType } = api[route.procedure as ProcedureName];
  const rest = Object.entries(route.input.properties).filter(([name]) => !route.parameters.includes(name));
  const required = route.input.required.filter((name) => !route.parameters.includes(name));
  return {
    operationId: route.procedure,
    summary: row.summary,
    tags: [tagOf(route)],
    description: row.scope === 'public' ? 'Needs no token.' : `Needs a token with the scope \`${row.scope}\`.`,
    security: row.scope === 'public' ? [] : [{ token: [] }],
    parameters: [
      ...route.parameters.map((name) => ({ name, in: 'path', required: true, schema: route.input.properties[name] ?? { type: 'string' } })),
      ...(route.method === 'POST' ? [] : rest.map(([name, schema]) => ({ name, in: 'query', required: required.includes(name), schema }))),
    ],
    ...(route.method === 'POST' && rest.length > 0
      ? {
          requestBody: {
            required: required.length > 0,
            content: {
              'application/json': {
                schema: { type: 'object', properties: Object.fromEntries(rest), ...(required.length > 0 ? { required } : {}), additionalProperties: false },
              },
            },
          },
        }
      : {}),
    responses: {
      '200': { description: 'Done.', content: { 'application/json': { schema: jsonSchemaOf(row.output, 'output') } } },
      default: { $ref: '#/components/responses/Error' },
    },
  };
}
