// What is waiting to be reported, gathered for a few milliseconds so that a thousand small tasks cost tens of frames, and cut
// so that no frame passes the wire's size. Results do not live here: the ledger keeps them until they are acknowledged.
import { type FromWorker, limits, type WorkerReport } from '@udcs/protocol';

type Lists = Omit<WorkerReport, 'type'>;
export type ReportKind = keyof Lists;
export type RecordOf<K extends ReportKind> = NonNullable<Lists[K]>[number];

/** The order of happening of one attempt: it starts, logs, ends. */
const ORDER: readonly ReportKind[] = ['started', 'log', 'checkpoints', 'succeeded', 'failed', 'rejected', 'released'];
/** Room for the frame's own braces and names. */
const FRAME_BYTES = limits.controlFrameBytes - 64 * 1024;
const SOON_MS = 4;
const LATER_MS = 150;

export class Outbox {
  readonly #send: (frame: FromWorker) => boolean;
  #lists: { [K in ReportKind]?: RecordOf<K>[] } = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(send: (frame: FromWorker) => boolean) {
    this.#send = send;
  }

  add<K extends ReportKind>(kind: K, record: RecordOf<K>): void {
    const list: RecordOf<K>[] = this.#lists[kind] ?? [];
    list.push(record);
    Object.assign(this.#lists, { [kind]: list });
    this.#flushIn(kind === 'log' || kind === 'started' ? LATER_MS : SOON_MS);
  }

  /** While offline everything here is void: the next hello says what is held, and the ledger reports what has ended. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lists = {};
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lists = this.#lists;
    this.#lists = {};
    for (const frame of framesOf(lists)) this.#send(frame);
  }

  #flushIn(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.#timer !== undefined) {
      if (this.#dueMs <= dueMs) return;
      clearTimeout(this.#timer);
    }
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => this.flush(), ms);
  }
}

const encoder = new TextEncoder();

/** Cuts the lists into frames of bounded bytes and records, keeping the order of happening. */
export function framesOf(lists: { readonly [K in ReportKind]?: readonly RecordOf<K>[] }): WorkerReport[] {
  const frames: WorkerReport[] = [];
  let frame: WorkerReport = { type: 'report' };
  let bytes = 0;
  let records = 0;
  const close = (): void => {
    if (records > 0) frames.push(frame);
    frame = { type: 'report' };
    bytes = 0;
    records = 0;
  };
  for (const kind of ORDER) {
    for (const record of lists[kind] ?? []) {
      const size = encoder.encode(JSON.stringify(record)).length + 1;
      if (records > 0 && (bytes + size > FRAME_BYTES || records >= limits.recordsPerFrame)) close();
      const list: unknown[] = frame[kind] ?? [];
      list.push(record);
      Object.assign(frame, { [kind]: list });
      bytes += size;
      records++;
    }
  }
  close();
  return frames;
}
