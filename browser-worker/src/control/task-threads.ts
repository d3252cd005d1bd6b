// The disposable task Workers: which one may run which attempt, when one is thrown away, and one warm spare. An affinity names
// owner, job and code; a Worker that ran one affinity never runs another.
import type { FromTask, ToTask } from '../task/messages.ts';
import { isFromTask } from '../task/messages.ts';

/** A Worker is thrown away after this many attempts, whatever it did. */
const MOST_ATTEMPTS = 256;
const READY_MS = 30_000;

export class TaskThread {
  readonly #worker: Worker;
  readonly ready: Promise<void>;
  affinity: string | null = null;
  attempts = 0;
  onMessage: (message: FromTask) => void = () => undefined;
  /** The Worker itself broke: its script failed, or it sent what no task Worker sends. */
  onBroken: (reason: string) => void = () => undefined;

  constructor(url: string) {
    this.#worker = new Worker(url, { type: 'module', name: 'udcs-task' });
    this.ready = new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error('a task Worker did not start')), READY_MS);
      this.#worker.onmessage = (event: MessageEvent<unknown>) => {
        const message = event.data;
        if (!isFromTask(message)) return this.onBroken('a task Worker sent an unknown message');
        if (message.kind === 'ready') {
          clearTimeout(deadline);
          resolve();
        } else this.onMessage(message);
      };
      this.#worker.onerror = (event) => {
        event.preventDefault();
        clearTimeout(deadline);
        const reason = event.message === '' || event.message === undefined ? 'a task Worker could not be loaded' : event.message;
        reject(new Error(reason));
        this.onBroken(reason);
      };
    });
    // Whoever uses the thread awaits it; a spare that fails to start is noticed then.
    this.ready.catch(() => undefined);
  }

  send(message: ToTask, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  terminate(): void {
    this.#worker.terminate();
  }
}

export class TaskThreads {
  readonly #url: string;
  readonly #idle: TaskThread[] = [];
  #spare: TaskThread | null = null;
  #mostIdle = 1;
  /** Loaded into spares ahead of time. */
  #likelyType: string | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  setSlots(slots: number): void {
    this.#mostIdle = slots;
    while (this.#idle.length > slots) this.#idle.shift()?.terminate();
  }

  warm(): void {
    if (this.#spare !== null) return;
    this.#spare = new TaskThread(this.#url);
    if (this.#likelyType !== null) this.#spare.send({ kind: 'prepare', type: this.#likelyType });
  }

  /** A thread for this affinity: one that ran it before, else the spare, else a new one. */
  take(affinity: string, type: string): TaskThread {
    this.#likelyType = type;
    const at = this.#idle.findIndex((thread) => thread.affinity === affinity);
    const thread = (at >= 0 ? this.#idle.splice(at, 1)[0] : this.#spare) ?? new TaskThread(this.#url);
    if (thread === this.#spare) this.#spare = null;
    thread.affinity = affinity;
    thread.attempts++;
    return thread;
  }

  /** Back after a success; anything else ends in discard(). */
  giveBack(thread: TaskThread): void {
    thread.onMessage = () => undefined;
    thread.onBroken = () => this.#forget(thread);
    if (thread.attempts >= MOST_ATTEMPTS) thread.terminate();
    else this.#idle.push(thread);
    if (this.#idle.length > this.#mostIdle) this.#idle.shift()?.terminate();
    this.warm();
  }

  discard(thread: TaskThread): void {
    thread.onMessage = () => undefined;
    thread.onBroken = () => undefined;
    thread.terminate();
    this.warm();
  }

  clear(): void {
    for (const thread of this.#idle.splice(0)) thread.terminate();
    this.#spare?.terminate();
    this.#spare = null;
  }

  #forget(thread: TaskThread): void {
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
    thread.terminate();
  }
}
