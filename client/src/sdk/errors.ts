// From what tRPC, fetch and the coordinator throw to the one typed error union of the SDK. No retry decisions here except
// the fact whether an error means "no answer came" (UNREACHABLE).
import { TRPCClientError } from '@trpc/client';
import { type ErrorCode, type ErrorRecord, type ExplainView, isErrorCode, type JobView, UdcsError } from '@udcs/protocol';

/** No connected worker can run it; `explain` lists each worker's reason and the nearest miss. */
export class UnmatchedError extends UdcsError {
  readonly explain: ExplainView;

  constructor(explain: ExplainView) {
    super('UNMATCHED', explain.summary, explain.nearest === null ? {} : { hint: explain.nearest.suggestion });
    this.explain = explain;
  }
}

/** The job ended `failed` or `canceled`; `job` holds its counts. */
export class JobFailedError extends UdcsError {
  readonly job: JobView;

  constructor(job: JobView, record: NonNullable<JobView['error']>) {
    super(record.code, record.message, record.hint === undefined ? {} : { hint: record.hint });
    this.job = job;
  }
}

const CODE_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  413: 'TOO_LARGE',
  422: 'INVALID_INPUT',
  429: 'RATE_LIMITED',
  502: 'UNREACHABLE',
  503: 'OVERLOADED',
  504: 'UNREACHABLE',
  507: 'QUOTA_EXCEEDED',
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The coordinator's error record in `{ error: ErrorRecord }` (REST) or in `data` of a tRPC error, or null. */
function errorRecordIn(body: unknown): ErrorRecord | null {
  const record = isRecord(body) && isRecord(body['error']) ? body['error'] : body;
  if (!isRecord(record) || !isErrorCode(record['code']) || typeof record['message'] !== 'string') return null;
  const hint = record['hint'];
  return { code: record['code'], message: record['message'], ...(typeof hint === 'string' ? { hint } : {}) };
}

export function errorOfStatus(status: number, body: unknown, doing: string): UdcsError {
  const record = errorRecordIn(body);
  if (record !== null) return UdcsError.from(record);
  return new UdcsError(CODE_BY_STATUS[status] ?? 'INTERNAL', `${doing} was answered with HTTP ${status}`);
}

export const unreachable = (url: string, cause?: unknown): UdcsError =>
  new UdcsError('UNREACHABLE', `no coordinator answers at ${url}`, { hint: 'start one with `udcs up`, or name another with --url or UDCS_URL', cause });

/** What a call threw, as a UdcsError. An abort is passed on as the signal's reason. */
export function fromCall(thrown: unknown, url: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (thrown instanceof UdcsError) return thrown;
  if (!(thrown instanceof TRPCClientError)) return thrown;
  const shape: unknown = thrown.shape;
  const data = isRecord(shape) ? shape['data'] : undefined;
  const record = errorRecordIn(data);
  if (record !== null) return UdcsError.from(record);
  const status = isRecord(data) ? data['httpStatus'] : undefined;
  if (typeof status === 'number') return new UdcsError(CODE_BY_STATUS[status] ?? 'INTERNAL', thrown.message, { cause: thrown });
  return unreachable(url, thrown);
}

/** Whether the same call may succeed a moment later without anything being done about it. */
export function isPassing(error: unknown): error is UdcsError {
  return (
    error instanceof UdcsError &&
    (error.code === 'UNREACHABLE' || error.code === 'OVERLOADED' || error.code === 'STORE_UNAVAILABLE' || error.code === 'RATE_LIMITED')
  );
}
