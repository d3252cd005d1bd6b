// A cancel signal for code that runs thousands of times a second: what AbortController does, without its event machinery.
import type { CancelSignal } from '@udcs/tasks';

export class StopSignal implements CancelSignal {
  aborted = false;
  #listeners: (() => void)[] = [];

  /** The kit names the event; there is only one. */
  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.aborted) listener();
    else this.#listeners.push(listener);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of this.#listeners) listener();
    this.#listeners = [];
  }

  /** Resolves after `ms`, sooner when it fires. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
