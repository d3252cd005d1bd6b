// Limits of the HTTP side; those of the wire and of jobs stand in protocol/src/limits.ts.
import { limits } from '@udcs/protocol';

export const JSON_BODY_BYTES = 1 * 1024 * 1024;
/** `jobs.submitMany` over HTTP, and messages of a WebSocket whose token was accepted. */
export const BATCH_BODY_BYTES = 8 * 1024 * 1024;
export const HEADERS_MS = 10_000;
/** Uploads are exempt: the artifact handlers time them by progress. */
export const REQUEST_MS = 30_000;
export const CONNECTIONS_PER_ADDRESS = 64;
export const CONNECTIONS_TOTAL = 20_000;
/** Calls in one tRPC batch. */
export const BATCH_CALLS = 100;

/** Everything a client can run into, for /metrics. */
export const allLimits: Readonly<Record<string, number>> = {
  ...limits,
  jsonBodyBytes: JSON_BODY_BYTES,
  batchBodyBytes: BATCH_BODY_BYTES,
  headersMs: HEADERS_MS,
  requestMs: REQUEST_MS,
  connectionsPerAddress: CONNECTIONS_PER_ADDRESS,
  connectionsTotal: CONNECTIONS_TOTAL,
};
