// What a worker claims about bytes, checked before it counts: inline outputs must have the digest they name, larger ones
// must have been uploaded. A claim that does not hold turns the success into a failure of that worker.
import { createHash } from 'node:crypto';
import { type BlobRef, type Digest, type FailureReport, limits, type SuccessReport, type WorkerReport } from '@udcs/protocol';

export interface Blobs {
  /** Those of `digests` that are not stored durably. */
  missing(digests: readonly Digest[]): Promise<readonly Digest[]>;
}

/** The report as it may count; at once when nothing has to be looked up. */
export type OutputCheck = (report: WorkerReport) => WorkerReport | Promise<WorkerReport>;

export function outputCheck(blobs: Blobs): OutputCheck {
  return (report) => {
    const uploaded = (report.succeeded ?? []).flatMap((success) => blobsOf(success).filter((blob) => blob.inline === undefined));
    const logs = (report.failed ?? []).flatMap((failure) => (failure.log !== null && failure.log.inline === undefined ? [failure.log] : []));
    if (uploaded.length + logs.length === 0) return judged(report, new Set());
    return blobs.missing([...new Set([...uploaded, ...logs].map((blob) => blob.digest))]).then((missing) => judged(report, new Set(missing)));
  };
}

const blobsOf = (success: SuccessReport): BlobRef[] => [...Object.values(success.outputs), ...(success.log === null ? [] : [success.log])];

function judged(report: WorkerReport, missing: ReadonlySet<string>): WorkerReport {
  if (report.succeeded === undefined && report.failed === undefined) return report;
  const succeeded: SuccessReport[] = [];
  const failed: FailureReport[] = (report.failed ?? []).map((failure) =>
    failure.log !== null && blobTrouble(failure.log, missing) !== null ? { ...failure, log: null } : failure,
  );
  for (const success of report.succeeded ?? []) {
    const trouble = troubleOf(success, missing);
    if (trouble === null) succeeded.push(success);
    else failed.push(asFailure(success, trouble));
  }
  return { ...report, succeeded, failed };
}

function troubleOf(success: SuccessReport, missing: ReadonlySet<string>): string | null {
  if (success.value !== undefined && JSON.stringify(success.value).length > limits.valueBytes) return `the value is larger than ${limits.valueBytes} bytes`;
  for (const [name, blob] of Object.entries(success.outputs)) {
    const trouble = blobTrouble(blob, missing);
    if (trouble !== null) return `output ${name}: ${trouble}`;
  }
  const trouble = success.log === null ? null : blobTrouble(success.log, missing);
  return trouble === null ? null : `log: ${trouble}`;
}

function blobTrouble(blob: BlobRef, missing: ReadonlySet<string>): string | null {
  if (blob.inline === undefined) return missing.has(blob.digest) ? 'was never uploaded' : null;
  const bytes = Buffer.from(blob.inline, 'base64');
  if (bytes.length > limits.inlineOutputBytes) return `more than ${limits.inlineOutputBytes} bytes inline`;
  if (bytes.length !== blob.sizeBytes) return `announced ${blob.sizeBytes} bytes, sent ${bytes.length}`;
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` === blob.digest ? null : 'the bytes do not have the announced digest';
}

const asFailure = (success: SuccessReport, message: string): FailureReport => ({
  task: success.task,
  epoch: success.epoch,
  attempt: success.attempt,
  code: 'WRONG_RESULT',
  message,
  exitCode: success.exitCode,
  signal: null,
  log: null,
  usage: success.usage,
});
