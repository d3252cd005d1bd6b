// What every verb is given: where to write, a grid that connects on first use, and the signal of Ctrl-C.
import { connect, type Grid } from '../sdk/index.ts';
import { Output } from './output.ts';

/** Options that every verb takes. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly url?: string;
  readonly token?: string;
  readonly debug?: boolean;
}

/** Ctrl-C; ends the process with 130. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export class Context {
  readonly out: Output;
  readonly options: CommonOptions;
  readonly #interrupt = new AbortController();
  #onInterrupt: (() => void) | null = null;
  #grid: Grid | null = null;
  readonly #onSignal = () => {
    if (this.#onInterrupt !== null) return this.#onInterrupt();
    if (this.#interrupt.signal.aborted) process.exit(130);
    this.#interrupt.abort(new Interrupted('interrupted'));
  };

  constructor(options: CommonOptions) {
    this.options = options;
    this.out = new Output(options.json === true);
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  /** Aborted by the first Ctrl-C, unless the verb handles it. */
  get signal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** From now on Ctrl-C calls this instead of aborting `signal`. */
  onInterrupt(handler: () => void): void {
    this.#onInterrupt = handler;
  }

  /** Ends everything that waits on `signal`. */
  interrupt(): void {
    this.#interrupt.abort(new Interrupted('interrupted'));
  }

  /** The grid of --url, UDCS_URL or this machine. One short try: a person who mistyped an address should not wait. */
  grid(): Grid {
    const { url, token } = this.options;
    const onConnection = (state: 'lost' | 'found') =>
      this.out.note(state === 'lost' ? 'lost the coordinator; jobs go on, trying again' : 'the coordinator is back');
    this.#grid ??= connect({ url, token, connectMs: 0, onConnection });
    return this.#grid;
  }

  async close(): Promise<void> {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
    await this.#grid?.close();
  }
}
