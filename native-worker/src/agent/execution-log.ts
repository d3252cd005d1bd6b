// A plain record of what this worker executed, for tests that judge exactly-once from outside: one JSON line per started and
// ended attempt, written before anything else happens. Off unless UDCS_EXECUTION_LOG names a file.
import { appendFileSync } from 'node:fs';
import type { AttemptRef, TaskTypeName } from '@udcs/protocol';

export class ExecutionLog {
  readonly #file: string | null;

  constructor(file: string | undefined) {
    this.#file = file === undefined || file === '' ? null : file;
  }

  write(event: 'started' | 'finished', ref: AttemptRef, type: TaskTypeName, outcome: string | null, worker: string | null): void {
    if (this.#file === null) return;
    const line = { event, ...ref, type, outcome, worker, pid: process.pid, atMs: Date.now() };
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
