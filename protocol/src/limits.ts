// Every limit of the wire, the API and the scheduler, once. Units stand in the names.

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  // wire
  controlFrameBytes: 1 * MiB,
  inlineOutputBytes: 64 * KiB,
  inlineInputBytes: 64 * KiB,
  /** A result's small `value`, as JSON. */
  valueBytes: 16 * KiB,
  logLineBytes: 4 * KiB,
  /** Log kept per attempt; what is over is cut in the middle and said so. */
  attemptLogBytes: 256 * KiB,
  recordsPerFrame: 2_000,
  // leases
  leaseMs: 15_000,
  renewMs: 5_000,
  closeGraceMs: 2_000,
  sweepMs: 1_000,
  authMs: 5_000,
  /** A worker that was cut off keeps running and keeps results this long. */
  orphanMs: 600_000,
  /** An attempt open longer than this is journalled, so that a restarted coordinator waits for its holder. */
  journalAfterMs: 1_000,
  // retry
  attemptsHardCap: 25,
  retryBaseMs: 1_000,
  retryMaxMs: 60_000,
  cancelGraceMs: 2_000,
  // jobs
  /** Below a control frame: a job travels whole to the workers that run it. */
  jobBytes: 768 * KiB,
  jsonDepth: 32,
  jsonNodes: 100_000,
  arrayCount: 1_000_000,
  inlineEntries: 1_000,
  entryBytes: 4 * KiB,
  submitMany: 1_000,
  planStateBytes: 64 * KiB,
  piecesPerStep: 10_000,
  inputs: 256,
  outputs: 256,
  variants: 8,
  requires: 32,
  labels: 32,
  // artifacts
  artifactBytes: 64 * 1024 * MiB,
  manifestParts: 1_000_000,
  ownerQuotaBytes: 64 * 1024 * MiB,
  // pages
  pageSize: 500,
  // idempotency keys and terminal jobs are kept this long
  keepMs: 7 * 24 * 3600 * 1000,
} as const;
