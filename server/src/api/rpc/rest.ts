// Answers REST requests by calling the same tRPC procedures, so scopes, checks and errors are the same by construction.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { callTRPCProcedure } from '@trpc/server';
import { api, UdcsError } from '@udcs/protocol';
import { answerError, answerJson } from '../http/answers.ts';
import { readJsonText } from '../http/body.ts';
import { BATCH_BODY_BYTES, JSON_BODY_BYTES } from '../http/limits.ts';
import type { Caller } from './caller.ts';
import { inputOf, matchRoute } from './rest-routes.ts';
import { type ApiRouter, isDefect, recordOf } from './router.ts';

/** @param path below the prefix */
export async function answerRest(
  router: ApiRouter,
  request: IncomingMessage,
  response: ServerResponse,
  url: { readonly path: string; readonly query: URLSearchParams },
  caller: Caller,
  onDefect: (path: string, error: unknown) => void,
): Promise<void> {
  const match = matchRoute(request.method ?? 'GET', url.path);
  if (!('route' in match)) {
    if (match.allow.length > 0) response.setHeader('allow', match.allow.join(', '));
    const wrongMethod = new UdcsError('INVALID_INPUT', `${request.method} is not a method of ${url.path}`, { hint: `use ${match.allow.join(' or ')}` });
    return answerError(
      request,
      response,
      match.allow.length > 0 ? wrongMethod : new UdcsError('NOT_FOUND', `there is no ${url.path} in this API`, { hint: 'see /api/v1/openapi.json' }),
    );
  }
  const { route, values } = match;
  try {
    const body =
      route.method === 'GET' ? undefined : parseBody(await readJsonText(request, route.procedure === 'jobs.submitMany' ? BATCH_BODY_BYTES : JSON_BODY_BYTES));
    const input = inputOf(route, values, url.query, body);
    const result = await callTRPCProcedure({
      router,
      path: route.procedure,
      getRawInput: async () => input,
      ctx: caller,
      type: api[route.procedure].kind,
      signal: undefined,
      batchIndex: 0,
    });
    answerJson(response, 200, result);
  } catch (thrown) {
    if (isDefect(thrown)) onDefect(route.procedure, thrown);
    answerError(request, response, recordOf(thrown));
  }
}

/** @throws UdcsError INVALID_INPUT with the place of the mistake */
function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new UdcsError('INVALID_INPUT', `the request body is not valid JSON: ${thrown instanceof Error ? thrown.message.slice(0, 200) : ''}`);
  }
}
