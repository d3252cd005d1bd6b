// Packs assignments for one worker into frames: arrays of records under the frame limit, each job's header once per frame,
// one grant per frame.
import { type Assignment, type AttemptRef, type JobId, limits, splitTaskId } from '@udcs/protocol';

export interface AssignFrame {
  readonly text: string;
  readonly attempts: readonly AttemptRef[];
}

/** Brackets, names and the MAC. */
const FRAME_OVERHEAD_BYTES = 256;

/**
 * @param headerText JSON of a job's header; null = the job is gone, its tasks are left out
 * @param mac over the attempts of one frame
 */
export function assignFrames(
  tasks: readonly Assignment[],
  headerText: (job: JobId) => string | null,
  mac: (attempts: readonly AttemptRef[]) => string,
): AssignFrame[] {
  const frames: AssignFrame[] = [];
  let headers = new Map<JobId, string>();
  let texts: string[] = [];
  let attempts: AttemptRef[] = [];
  let bytes = FRAME_OVERHEAD_BYTES;

  const close = (): void => {
    if (attempts.length === 0) return;
    frames.push({
      text: `{"type":"assign","jobs":[${[...headers.values()].join(',')}],"tasks":[${texts.join(',')}],"mac":${JSON.stringify(mac(attempts))}}`,
      attempts,
    });
    headers = new Map();
    texts = [];
    attempts = [];
    bytes = FRAME_OVERHEAD_BYTES;
  };

  for (const task of tasks) {
    const job = splitTaskId(task.task).jobId;
    const header = headerText(job);
    if (header === null) continue;
    const text = JSON.stringify(task);
    const taskBytes = Buffer.byteLength(text) + 1;
    const headerBytes = Buffer.byteLength(header) + 1;
    const added = taskBytes + (headers.has(job) ? 0 : headerBytes);
    if (attempts.length >= limits.recordsPerFrame || bytes + added > limits.controlFrameBytes) close();
    bytes += taskBytes + (headers.has(job) ? 0 : headerBytes);
    headers.set(job, header);
    texts.push(text);
    attempts.push({ task: task.task, epoch: task.epoch, attempt: task.attempt });
  }
  close();
  return frames;
}
