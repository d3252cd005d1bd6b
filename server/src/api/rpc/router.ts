// The tRPC router, built over the table in protocol/src/api.ts: one procedure per row. A procedure without a row, a scope or a
// handler can not be made, so none can be forgotten by a check.
import { type AnyTRPCProcedure, initTRPC, TRPCError, type TRPCRouterRecord } from '@trpc/server';
import { type Api, api, type ErrorCode, type ErrorRecord, errorTable, type ProcedureName, UdcsError } from '@udcs/protocol';
import type * as z from 'zod';
import { parseForPeople } from '../submit/issue-text.ts';
import { type Caller, checkScope } from './caller.ts';

type Input<P extends ProcedureName> = z.output<Api[P]['input']>;
/** What a handler may answer: the row's output, with nothing left to parse. */
type Output<P extends ProcedureName> = z.input<Api[P]['output']>;

export interface Call<P extends ProcedureName> {
  readonly input: Input<P>;
  readonly caller: Caller;
  /** Aborts when the client leaves or its token ends. */
  readonly signal: AbortSignal;
}

type Handler<P extends ProcedureName> = Api[P]['kind'] extends 'subscription'
  ? (call: Call<P>) => AsyncIterable<unknown>
  : (call: Call<P>) => Promise<Output<P>>;
export type Handlers = { readonly [P in ProcedureName]: Handler<P> };

type LooseHandler = (call: { input: unknown; caller: Caller; signal: AbortSignal }) => unknown;

const SSE_PING_MS = 15_000;

const t = initTRPC.context<Caller>().create({
  isDev: false,
  sse: { ping: { enabled: true, intervalMs: SSE_PING_MS }, client: { reconnectAfterInactivityMs: 3 * SSE_PING_MS } },
  errorFormatter({ shape, error }) {
    const record = recordOf(error);
    return { code: shape.code, message: record.message, data: { ...record, httpStatus: errorTable[record.code].http } };
  },
});

export type ApiRouter = ReturnType<typeof createRouter>;

export function createRouter(handlers: Handlers) {
  const record: Record<string, Record<string, AnyTRPCProcedure>> = {};
  for (const name of Object.keys(api) as ProcedureName[]) {
    const [group, method] = name.split('.') as [string, string];
    record[group] ??= {};
    record[group][method] = procedureOf(name, handlers[name] as LooseHandler);
  }
  return t.router(record satisfies TRPCRouterRecord);
}

function procedureOf(name: ProcedureName, handler: LooseHandler): AnyTRPCProcedure {
  const row = api[name];
  const takesLastEventId = name === 'jobs.events';
  const guarded = t.procedure
    .use(({ ctx, next }) => {
      checkScope(ctx, row.scope, name);
      return next();
    })
    .input((raw: unknown) => parseForPeople(row.input, takesLastEventId ? raw : withoutLastEventId(raw), ''));
  const call = (opts: { input: unknown; ctx: Caller; signal: AbortSignal | undefined }) => ({
    input: opts.input,
    caller: opts.ctx,
    signal: opts.signal ?? new AbortController().signal,
  });
  switch (row.kind) {
    case 'query':
      return guarded.query((opts) => handler(call(opts)));
    case 'mutation':
      return guarded.mutation((opts) => handler(call(opts)));
    case 'subscription':
      return guarded.subscription((opts) => untilTokenEnds(call(opts), handler));
  }
}

/** Absent input is an empty one; the SSE and WebSocket adapters add `lastEventId` to every subscription's input. */
function withoutLastEventId(raw: unknown): unknown {
  if (raw === undefined || raw === null) return {};
  if (typeof raw !== 'object' || !('lastEventId' in raw)) return raw;
  const { lastEventId: _, ...rest } = raw;
  return rest;
}

/** A subscription stops with UNAUTHENTICATED the moment its token is revoked or expires, and silently when the client leaves. */
async function* untilTokenEnds(call: Parameters<LooseHandler>[0], handler: LooseHandler): AsyncGenerator<unknown> {
  const ended = call.caller.principal?.ended;
  const signal = ended === undefined ? call.signal : AbortSignal.any([call.signal, ended]);
  yield* handler({ ...call, signal }) as AsyncIterable<unknown>;
  if (ended?.aborted) throw new UdcsError('UNAUTHENTICATED', 'this token was revoked or has expired', { hint: 'log in again' });
}

const tRpcCodes: Partial<Record<TRPCError['code'], ErrorCode>> = {
  PARSE_ERROR: 'INVALID_INPUT',
  BAD_REQUEST: 'INVALID_INPUT',
  METHOD_NOT_SUPPORTED: 'INVALID_INPUT',
  UNSUPPORTED_MEDIA_TYPE: 'INVALID_INPUT',
  NOT_FOUND: 'NOT_FOUND',
  PAYLOAD_TOO_LARGE: 'TOO_LARGE',
};

/** What a client is told: our own errors as they are, tRPC's complaints about the request in our codes, and nothing about a defect. */
export function recordOf(thrown: unknown): ErrorRecord {
  for (let at: unknown = thrown, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) if (at instanceof UdcsError) return at.toRecord();
  const code = thrown instanceof TRPCError ? tRpcCodes[thrown.code] : undefined;
  if (code !== undefined) return { code, message: (thrown as TRPCError).message.slice(0, 300) };
  return { code: 'INTERNAL', message: 'the coordinator met a defect; its log says more' };
}

/** Whether an error is a defect of ours, worth a line in the log. */
export const isDefect = (thrown: unknown): boolean => recordOf(thrown).code === 'INTERNAL';
