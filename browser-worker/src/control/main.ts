// Entry of the control Worker: the session behind comlink. It lives as long as the tab donates and runs no task itself.
import { expose } from 'comlink';
import * as z from 'zod/mini';
import { eraseProfile } from './parts.ts';
import { Session } from './session.ts';
import type { ControlSurface } from './surface.ts';

// The page's policy forbids eval, and zod would only report its own attempt to compile schemas.
z.config({ jitless: true });

let session: Session | null = null;

/** The page waits for this in a loop, because it is about to stop. */
function raise(flag: SharedArrayBuffer | null): void {
  if (flag !== null) Atomics.store(new Int32Array(flag), 0, 1);
}

const surface: ControlSurface = {
  async start(options, listener) {
    session?.leave();
    session = new Session(options, (state) => void listener(state));
    await session.start();
  },
  async pause() {
    session?.pause();
  },
  async resume() {
    session?.resume();
  },
  async setLimits(limits) {
    await session?.setLimits(limits);
  },
  async setConditions(conditions, flag) {
    session?.setConditions(conditions);
    raise(flag);
  },
  async online() {
    session?.online();
  },
  async leave(flag) {
    session?.leave();
    raise(flag);
  },
  async forget() {
    if (session === null) await eraseProfile();
    else await session.forget();
  },
};

expose(surface);
