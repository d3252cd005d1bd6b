// Ids of new jobs. Random bytes are drawn in blocks: a call to the system for ten bytes costs more than checking the job.
import { randomFillSync } from 'node:crypto';
import { type JobId, makeId } from '@udcs/protocol';

const BYTES_PER_ID = 10;
const block = new Uint8Array(BYTES_PER_ID * 400);
let at = block.length;

export function mintJobId(nowMs: number): JobId {
  if (at === block.length) {
    randomFillSync(block);
    at = 0;
  }
  at += BYTES_PER_ID;
  return makeId('job', nowMs, block.subarray(at - BYTES_PER_ID, at));
}
