// Every error has one code from this table. `blame` says whose fault, `retry` what to do, `http` how REST and uploads
// answer. A worker only claims a code; the coordinator decides blame. docs/errors.md is generated from here.

export type Blame = 'job' | 'worker' | 'fleet' | 'system';
export type Retry = 'never' | 'elsewhere' | 'later';

interface ErrorFacts {
  readonly blame: Blame;
  readonly retry: Retry;
  readonly http: number;
  /** What it means, one sentence for docs/errors.md. */
  readonly means: string;
}

export const errorTable = {
  // what the submitter sent
  INVALID_INPUT: { blame: 'job', retry: 'never', http: 400, means: 'The request does not fit its schema.' },
  NOT_YET: { blame: 'job', retry: 'never', http: 501, means: 'The option is part of the schema but its logic has not landed.' },
  TOO_LARGE: { blame: 'job', retry: 'never', http: 413, means: 'A size is over its limit.' },
  NOT_FOUND: { blame: 'job', retry: 'never', http: 404, means: 'No such thing, or not yours.' },
  CONFLICT: { blame: 'job', retry: 'never', http: 409, means: 'The idempotency key was used with another payload, or the thing is not in a state for this.' },
  UNKNOWN_ARTIFACT: { blame: 'job', retry: 'never', http: 422, means: 'A digest names bytes that were never uploaded by this owner.' },
  WRONG_DIGEST: { blame: 'job', retry: 'never', http: 422, means: 'The bytes do not have the digest they were announced with.' },
  UNAUTHENTICATED: { blame: 'job', retry: 'never', http: 401, means: 'No token, or one that is unknown, expired or revoked.' },
  FORBIDDEN: { blame: 'job', retry: 'never', http: 403, means: 'The token lacks the scope, or the origin is not allowed.' },
  RATE_LIMITED: { blame: 'fleet', retry: 'later', http: 429, means: 'Too many requests from this address or owner.' },
  OVERLOADED: { blame: 'fleet', retry: 'later', http: 503, means: 'The coordinator is at a limit or draining; try again later.' },
  QUOTA_EXCEEDED: { blame: 'fleet', retry: 'later', http: 507, means: 'The owner stores or queues as much as allowed.' },
  // how a job ends without a result
  UNMATCHED: { blame: 'fleet', retry: 'later', http: 422, means: 'No worker can run it; explain lists why.' },
  DEPENDENCY: { blame: 'job', retry: 'never', http: 424, means: 'A job that this one waits for did not succeed.' },
  CANCELED: { blame: 'job', retry: 'never', http: 409, means: 'Canceled by its owner.' },
  QUEUE_TIMEOUT: { blame: 'fleet', retry: 'never', http: 504, means: 'Waited longer than timeouts.queueMs.' },
  DEADLINE: { blame: 'fleet', retry: 'never', http: 504, means: 'deadlineAtMs or timeouts.totalMs passed.' },
  TOO_MANY_FAILURES: { blame: 'job', retry: 'never', http: 422, means: 'More tasks of the job failed than maxFailures allows.' },
  ATTEMPTS_EXHAUSTED: { blame: 'system', retry: 'never', http: 500, means: 'The hard cap on attempts of one task was reached.' },
  // what goes wrong while running
  MODULE_INVALID: { blame: 'job', retry: 'never', http: 422, means: 'The WASM module does not validate, or imports something that is not offered.' },
  KERNEL_COMPILE: { blame: 'job', retry: 'never', http: 422, means: 'The kernel source does not compile.' },
  KERNEL_INVALID: { blame: 'job', retry: 'never', http: 422, means: 'The kernel compiled but its bindings or launch sizes are wrong.' },
  LOOP_BUDGET: { blame: 'job', retry: 'never', http: 422, means: 'A shader loop ran past its iteration budget.' },
  EXIT_CODE: { blame: 'job', retry: 'elsewhere', http: 422, means: 'The program ended with an exit code that is not a success.' },
  CRASHED: { blame: 'job', retry: 'elsewhere', http: 422, means: 'The program was ended by a signal or trapped.' },
  TIMEOUT: { blame: 'job', retry: 'elsewhere', http: 422, means: 'Ran longer than timeouts.executionMs.' },
  NO_PROGRESS: { blame: 'job', retry: 'elsewhere', http: 422, means: 'No progress within timeouts.noProgressMs.' },
  MEMORY_LIMIT: { blame: 'job', retry: 'elsewhere', http: 422, means: 'Needed more memory than resources.memoryBytes.' },
  DISK_LIMIT: { blame: 'job', retry: 'elsewhere', http: 422, means: 'Wrote more than resources.diskBytes.' },
  PROCESS_LIMIT: { blame: 'job', retry: 'elsewhere', http: 422, means: 'Started more processes than allowed.' },
  OUTPUT_LIMIT: { blame: 'job', retry: 'never', http: 422, means: 'An output or log is larger than its maxBytes.' },
  OUTPUT_MISSING: { blame: 'job', retry: 'elsewhere', http: 422, means: 'A declared output was not produced.' },
  WRONG_RESULT: { blame: 'worker', retry: 'elsewhere', http: 500, means: 'Replicas disagreed and this one lost.' },
  POLICY: { blame: 'worker', retry: 'elsewhere', http: 403, means: "The worker owner's policy refuses this work." },
  NO_ROOM: { blame: 'worker', retry: 'elsewhere', http: 503, means: 'The worker has no room for it right now.' },
  UNSUPPORTED: { blame: 'worker', retry: 'elsewhere', http: 422, means: 'The worker lacks what the task needs.' },
  DEVICE_LOST: { blame: 'worker', retry: 'elsewhere', http: 500, means: 'The GPU device was lost.' },
  OUT_OF_MEMORY: { blame: 'worker', retry: 'elsewhere', http: 500, means: 'The worker ran out of memory or GPU memory.' },
  INPUT_UNAVAILABLE: { blame: 'worker', retry: 'elsewhere', http: 502, means: 'The worker could not fetch an input.' },
  WORKER_LOST: { blame: 'worker', retry: 'elsewhere', http: 500, means: 'The worker vanished while it held the task.' },
  EXECUTOR_FAILED: { blame: 'worker', retry: 'elsewhere', http: 500, means: 'The executor of the worker broke.' },
  // ours
  STORE_UNAVAILABLE: { blame: 'system', retry: 'later', http: 503, means: 'The store can not write now (disk full, or shutting down).' },
  UNREACHABLE: { blame: 'system', retry: 'later', http: 503, means: 'The coordinator can not be reached.' },
  INTERNAL: { blame: 'system', retry: 'later', http: 500, means: 'A defect in UDCS; please report it.' },
} as const satisfies Record<string, ErrorFacts>;

export type ErrorCode = keyof typeof errorTable;
export const errorCodes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];
export const isErrorCode = (value: unknown): value is ErrorCode => typeof value === 'string' && Object.hasOwn(errorTable, value);

export interface ErrorRecord {
  readonly code: ErrorCode;
  /** One sentence for a person: what happened, with the value that was wrong. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** The one error class. Thrown at room borders; inside the core expected outcomes are values. */
export class UdcsError extends Error {
  override readonly name = 'UdcsError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get blame(): Blame {
    return errorTable[this.code].blame;
  }

  get http(): number {
    return errorTable[this.code].http;
  }

  toRecord(): ErrorRecord {
    return this.hint === undefined ? { code: this.code, message: this.message } : { code: this.code, message: this.message, hint: this.hint };
  }

  static from(record: ErrorRecord): UdcsError {
    return new UdcsError(record.code, record.message, record.hint === undefined ? {} : { hint: record.hint });
  }
}

/** The one funnel for unknown throws. */
export function toUdcsError(thrown: unknown, fallback: ErrorCode = 'INTERNAL'): UdcsError {
  if (thrown instanceof UdcsError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new UdcsError(fallback, message, { cause: thrown });
}

/** For bugs: a condition that remote input can not make false. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}
