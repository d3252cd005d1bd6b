// Collects what happened to attempts and sends it once per turn of the event loop, cut into frames that fit the wire. Results
// stay with the agent until they are acknowledged; here they only pass through.
import { limits, type WorkerReport } from '@udcs/protocol';

type Kind = Exclude<keyof WorkerReport, 'type'>;
/** Order inside a frame; the wire promises nothing between lists, a reader likes `started` first. */
const KINDS: readonly Kind[] = ['started', 'succeeded', 'failed', 'rejected', 'released', 'checkpoints', 'log'];
/** Room for the frame's own words. */
const FRAME_BYTES = limits.controlFrameBytes - 1_024;

export class Reporter {
  readonly #send: (frame: string) => boolean;
  #queued: { kind: Kind; text: string }[] = [];
  #scheduled = false;

  /** @param send false = not connected; then the frame is dropped and the agent re-sends what matters after the next hello */
  constructor(send: (frame: string) => boolean) {
    this.#send = send;
  }

  add<K extends Kind>(kind: K, record: NonNullable<WorkerReport[K]>[number]): void {
    this.#queued.push({ kind, text: JSON.stringify(record) });
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Forgets what is queued: the next hello starts afresh. */
  clear(): void {
    this.#queued = [];
  }

  flush(): void {
    this.#scheduled = false;
    const queued = this.#queued;
    this.#queued = [];
    let lists = new Map<Kind, string[]>();
    let bytes = 0;
    const send = (): void => {
      if (lists.size === 0) return;
      const parts = KINDS.filter((kind) => lists.has(kind)).map((kind) => `"${kind}":[${(lists.get(kind) ?? []).join(',')}]`);
      this.#send(`{"type":"report",${parts.join(',')}}`);
      lists = new Map();
      bytes = 0;
    };
    for (const { kind, text } of queued) {
      const size = Buffer.byteLength(text) + 1;
      if (bytes + size > FRAME_BYTES || (lists.get(kind)?.length ?? 0) >= limits.recordsPerFrame) send();
      const list = lists.get(kind);
      if (list === undefined) lists.set(kind, [text]);
      else list.push(text);
      bytes += size;
    }
    send();
  }
}
