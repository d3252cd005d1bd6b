// The sending side of one worker's socket: frames go out as text; a peer that does not read is first held back, then cut
// off, so that memory stays bounded whatever it does.
import { closeCodes } from '@udcs/protocol';
import type { Clock, Connection, Timer, Timers } from './seam.ts';

const MiB = 1024 * 1024;
/** Above this the socket is left to empty itself. */
const HOLD_BYTES = 1 * MiB;
/** Above this (socket and queue) the worker is cut off. */
const CUT_BYTES = 8 * MiB;
const LOOK_AGAIN_MS = 20;

export interface Sending {
  send(text: string): void;
  stop(): void;
}

export function sendingTo(connection: Connection, clock: Clock, timers: Timers, cut: (code: number, reason: string) => void): Sending {
  const waiting: string[] = [];
  let waitingBytes = 0;
  let timer: Timer | null = null;
  let stopped = false;

  const flush = (): void => {
    timer = null;
    while (!stopped && waiting.length > 0 && connection.bufferedBytes <= HOLD_BYTES) {
      const text = waiting.shift() as string;
      waitingBytes -= text.length;
      connection.send(text);
    }
    if (!stopped && waiting.length > 0) timer = timers.wakeAt(clock.monoMs() + LOOK_AGAIN_MS, flush);
  };

  return {
    send(text) {
      if (stopped) return;
      if (waiting.length === 0 && connection.bufferedBytes <= HOLD_BYTES) {
        connection.send(text);
        return;
      }
      waiting.push(text);
      waitingBytes += text.length;
      if (waitingBytes + connection.bufferedBytes > CUT_BYTES) cut(closeCodes.overloaded, 'this worker does not read what it is sent');
      else timer ??= timers.wakeAt(clock.monoMs() + LOOK_AGAIN_MS, flush);
    },
    stop() {
      stopped = true;
      waiting.length = 0;
      timer?.cancel();
    },
  };
}
