// The OpenAPI document against the official schema of OpenAPI 3.1, and against the table it is made from.
import { Validator } from '@seriousme/openapi-schema-validator';
import { api, type ProcedureName } from '@udcs/protocol';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from './openapi.ts';
import { inputOf, matchRoute, restRoutes } from './rest-routes.ts';

const document = openApiDocument({ publicUrl: 'http://127.0.0.1:8080', version: '1.2.3' });

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate(JSON.parse(JSON.stringify(document)));
    expect([result.errors ?? [], validator.version]).toEqual([[], '3.1']);
  });

  it('describes every procedure that has a REST form, with its scope, once', () => {
    const operations = Object.values(document['paths'] as Record<string, Record<string, { operationId: string; security: unknown[] }>>).flatMap((path) =>
      Object.values(path),
    );
    const withRest = (Object.keys(api) as ProcedureName[]).filter((name) => 'rest' in api[name]);
    expect(operations.map((operation) => operation.operationId).sort()).toEqual([...withRest].sort());
    for (const { operationId, security } of operations)
      expect([operationId, security.length > 0]).toEqual([operationId, api[operationId as ProcedureName].scope !== 'public']);
  });

  it('offers no subscription', () => {
    for (const { procedure } of restRoutes) expect([procedure, api[procedure].kind === 'subscription']).toEqual([procedure, false]);
  });
});

describe('REST routes', () => {
  it('prefer a fixed path to a parameter, and tell the methods of a path', () => {
    expect(matchRoute('POST', '/jobs/plan')).toMatchObject({ route: { procedure: 'jobs.plan' } });
    expect(matchRoute('GET', '/jobs/x%2Fy')).toMatchObject({ route: { procedure: 'jobs.get' }, values: { id: 'x/y' } });
    expect(matchRoute('PATCH', '/jobs')).toEqual({ allow: expect.arrayContaining(['GET', 'POST']) });
    expect(matchRoute('GET', '/nothing')).toEqual({ allow: [] });
  });

  it('read numbers and booleans from a query where the schema says so', () => {
    const route = restRoutes.find((candidate) => candidate.procedure === 'jobs.list');
    expect(route && inputOf(route, {}, new URLSearchParams('limit=5&search=7&cursor=3'), undefined)).toEqual({ limit: 5, search: '7', cursor: '3' });
    expect(() => route && inputOf(route, {}, new URLSearchParams('limit=5&limit=6'), undefined)).toThrow(/given twice/);
  });
});
