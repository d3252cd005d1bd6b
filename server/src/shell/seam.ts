// What the shell needs from outside: time, sockets, the keys of workers, array entries kept as artifacts. Production wires
// real ones (main.ts), the simulator wires its own; nothing in this folder reaches for a global clock, socket or generator.
import type { Entry } from '@udcs/protocol';

export interface Clock {
  /** Milliseconds since some fixed point, never going back: leases, time-outs, rates. */
  monoMs(): number;
  /** Milliseconds since 1970, may jump: stored and shown only. */
  wallMs(): number;
}

export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Calls `fn` once, at or soon after `monoMs` of the same clock. */
  wakeAt(monoMs: number, fn: () => void): Timer;
  /** Calls `fn` once, after the input that is already waiting has been read (setImmediate). */
  soon(fn: () => void): void;
}

/** One worker's socket, after the upgrade was accepted (origin, host and address checks are done before). */
export interface Connection {
  readonly remoteAddress: string;
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Bytes given to `send` that the peer's kernel has not taken yet. */
  readonly bufferedBytes: number;
  /** Stops and resumes reading; frames that were already read may still arrive. */
  pause(): void;
  resume(): void;
}

/** What the gateway gives back for a connection: whoever owns the socket calls these. Neither ever throws. */
export interface ConnectionSink {
  frame(text: string): void;
  closed(): void;
}

/** The key of a worker, as exchanged for its invite. */
export interface WorkerKey {
  /** null = an anonymous donor. */
  readonly owner: string | null;
  readonly hostKey: string;
  readonly kind: 'browser' | 'native';
}

export interface WorkerKeys {
  /** null = unknown or revoked. Rejects only when the store can not be read. */
  lookup(key: string): Promise<WorkerKey | null>;
}

/** Entries of arrays too long to stand in the job: lines of an indexed JSONL artifact. */
export interface ArrayEntries {
  /** In the order of `indexes`. @throws UdcsError INPUT_UNAVAILABLE */
  read(digest: string, indexes: readonly number[]): Promise<readonly Entry[]>;
}

/** Notes for the log; the shell never prints. */
export interface Journal {
  note(level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>): void;
}
