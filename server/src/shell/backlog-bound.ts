// When facts that are not yet written become too many: submits are turned away and workers' sockets are not read, until the
// store has caught up. What has happened is never turned away.
import type { StoreWriter } from '../store/store.ts';

/** Intake stops above the first and goes on below the second. */
const STOP_ROWS = 50_000;
const GO_ROWS = 25_000;
const STOP_BYTES = 128 * 1024 * 1024;
const GO_BYTES = 64 * 1024 * 1024;

export class BacklogBound {
  private readonly writer: Pick<StoreWriter, 'backlog'>;

  constructor(writer: Pick<StoreWriter, 'backlog'>) {
    this.writer = writer;
  }

  /** @param stopped whether intake is stopped now: it goes on only well below the bound */
  isOver(stopped: boolean): boolean {
    const { rows, bytes } = this.writer.backlog;
    return rows > (stopped ? GO_ROWS : STOP_ROWS) || bytes > (stopped ? GO_BYTES : STOP_BYTES);
  }
}
