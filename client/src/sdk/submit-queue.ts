// Submits of the same tick travel as one jobs.submitMany. Every job carries an idempotency key before it is sent, so a
// repeated request after a lost connection finds the job instead of making a second one.
import { type Job, type JobId, limits, type ProcedureInput, type ProcedureOutput, UdcsError } from '@udcs/protocol';
import type { Transport } from './transport.ts';

export interface Submitted {
  readonly id: JobId;
  /** true = the idempotency key was known and this is the earlier job. */
  readonly existing: boolean;
  readonly counts: { readonly total: number };
}

type SubmitInput = ProcedureInput<'jobs.submitMany'>['jobs'][number];

interface Waiting {
  readonly job: SubmitInput;
  readonly resolve: (submitted: Submitted) => void;
  readonly reject: (error: unknown) => void;
}

/** One request stays below the coordinator's limit on a request's bytes. */
const REQUEST_BYTES = limits.jobBytes;

/**
 * Characters of the job as JSON. Checked before it is sent: a frame over the coordinator's limit ends the connection, and would be
 * sent again on the next one. @throws UdcsError TOO_LARGE
 */
export function jobSize(job: object): number {
  const size = JSON.stringify(job).length;
  if (size > limits.jobBytes)
    throw new UdcsError('TOO_LARGE', `the job is ${size} bytes of JSON, more than ${limits.jobBytes}`, { hint: 'put entries and data into artifacts' });
  return size;
}

export class SubmitQueue {
  readonly #transport: Transport;
  #waiting: Waiting[] = [];

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  submit(job: Job): Promise<Submitted> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job: { ...job, idempotencyKey: job.idempotencyKey ?? crypto.randomUUID() }, resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#flush());
    });
  }

  #flush(): void {
    const waiting: Waiting[] = [];
    const sizes: number[] = [];
    for (const item of this.#waiting) {
      try {
        sizes.push(jobSize(item.job));
        waiting.push(item);
      } catch (error) {
        item.reject(error);
      }
    }
    this.#waiting = [];
    if (waiting.length === 0) return;
    if (waiting.length === 1) {
      const [only] = waiting as [Waiting];
      this.#transport.call('jobs.submit', { job: only.job }).then(only.resolve, only.reject);
      return;
    }
    let batch: Waiting[] = [];
    let batchBytes = 0;
    for (const [at, item] of waiting.entries()) {
      const itemBytes = sizes[at] ?? 0;
      if (batch.length > 0 && (batch.length === limits.submitMany || batchBytes + itemBytes > REQUEST_BYTES)) {
        this.#send(batch);
        batch = [];
        batchBytes = 0;
      }
      batch.push(item);
      batchBytes += itemBytes;
    }
    this.#send(batch);
  }

  #send(batch: readonly Waiting[]): void {
    this.#transport.call('jobs.submitMany', { jobs: batch.map((item) => item.job) }).then(
      ({ results }) => {
        for (const [at, item] of batch.entries()) settle(item, results[at]);
      },
      (error) => {
        for (const item of batch) item.reject(error);
      },
    );
  }
}

function settle(item: Waiting, result: ProcedureOutput<'jobs.submitMany'>['results'][number] | undefined): void {
  if (result === undefined) item.reject(new UdcsError('INTERNAL', 'the coordinator answered fewer jobs than were submitted'));
  else if ('error' in result)
    item.reject(new UdcsError(result.error.code, result.error.message, result.error.hint === undefined ? {} : { hint: result.error.hint }));
  else item.resolve(result);
}
