// Live log text comes in pieces that end anywhere; people read lines. Pieces of one stream of one task are joined until the
// line is whole; a piece that stays unfinished is shown after a moment (a prompt, a progress meter).
const UNFINISHED_MS = 500;

export class LineAssembler {
  readonly #write: (task: string, line: string) => void;
  readonly #unfinished = new Map<string, { task: string; text: string; timer: ReturnType<typeof setTimeout> }>();

  constructor(write: (task: string, line: string) => void) {
    this.#write = write;
  }

  add(task: string, stream: string, piece: string): void {
    const key = `${task} ${stream}`;
    const before = this.#unfinished.get(key);
    if (before !== undefined) clearTimeout(before.timer);
    this.#unfinished.delete(key);
    const lines = `${before?.text ?? ''}${piece}`.split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) this.#write(task, line);
    if (rest === '') return;
    const timer = setTimeout(() => {
      this.#unfinished.delete(key);
      this.#write(task, rest);
    }, UNFINISHED_MS);
    this.#unfinished.set(key, { task, text: rest, timer });
  }

  /** Shows what is held. */
  flush(): void {
    for (const { task, text, timer } of this.#unfinished.values()) {
      clearTimeout(timer);
      this.#write(task, text);
    }
    this.#unfinished.clear();
  }
}
