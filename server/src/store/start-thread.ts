// Starts a store thread from its entry beside this file, compiled or as TypeScript source, and passes calls to it.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

const isSource = import.meta.url.endsWith('.ts');

export function startThread(entry: 'writer-thread' | 'reader-thread', workerData: unknown): Worker {
  if (!isSource) return new Worker(new URL(`./${entry}.js`, import.meta.url), { workerData, execArgv: [] });
  // From source (tests): `--import tsx` does nothing in a worker of Node 20, so the loader is registered by hand, found by name so
  // that the compiled program never asks for it.
  const loader = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs');
  const target = new URL(`./${entry}.ts`, import.meta.url).href;
  const start = `import { register } from ${JSON.stringify(pathToFileURL(loader).href)}; register(); await import(${JSON.stringify(target)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(start)}`), { workerData, execArgv: ['--conditions=udcs-source'] });
}

interface Reply {
  readonly id: number;
}

/** Request and answer by number over one worker thread. */
export class ThreadCalls<Out extends Reply> {
  readonly #waiting = new Map<number, { resolve: (reply: Out) => void; reject: (error: Error) => void }>();
  readonly #thread: Worker;
  #next = 1;
  #gone: Error | null = null;
  #endExpected = false;

  /** @param onGone called once when the thread ends without having been asked to */
  constructor(thread: Worker, onGone: (error: Error) => void) {
    this.#thread = thread;
    thread.on('message', (reply: Out) => {
      const waiter = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      waiter?.resolve(reply);
    });
    const lost = (error: Error): void => {
      if (this.#gone !== null) return;
      this.#gone = error;
      for (const waiter of this.#waiting.values()) waiter.reject(error);
      this.#waiting.clear();
      if (!this.#endExpected) onGone(error);
    };
    thread.on('error', (error) => lost(error instanceof Error ? error : new Error(String(error))));
    thread.on('exit', (code) => lost(new Error(`the store thread ended with code ${code}`)));
  }

  /** How many calls have no answer yet. */
  get pending(): number {
    return this.#waiting.size;
  }

  call(message: Record<string, unknown>): Promise<Out> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#thread.postMessage({ ...message, id });
    });
  }

  /** The thread was asked to end itself: its exit may be seen before its last answer is worked on. */
  expectEnd(): void {
    this.#endExpected = true;
  }

  /** Expects the end from here on. */
  async end(): Promise<void> {
    this.#gone ??= new Error('the store is closed');
    await this.#thread.terminate();
  }
}
