// What the CLI writes: results on stdout, everything about them on stderr; one JSON object a line with --json; a progress
// bar on a terminal and plain lines off it.
import { styleText } from 'node:util';
import type { JobView } from '@udcs/protocol';
import Table from 'cli-table3';
import { durationText } from './words.ts';

type Paint = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

const BAR_CELLS = 24;
/** Off a terminal a line is written when this much changed or this long passed. */
const PLAIN_STEP = 0.1;
const PLAIN_EVERY_MS = 10_000;

export class Output {
  readonly json: boolean;
  /** stderr is a terminal whose line may be rewritten. */
  readonly #live: boolean;
  readonly #colors: boolean;
  #barShown = false;
  #bar = '';
  #plainFraction = -1;
  #plainAtMs = 0;

  constructor(json: boolean) {
    this.json = json;
    const plain = process.env['CI'] !== undefined && process.env['CI'] !== 'false';
    this.#colors = process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb' && process.stdout.isTTY === true && !plain;
    this.#live = !json && !plain && process.env['NO_COLOR'] === undefined && process.stderr.isTTY === true;
  }

  /** A line of the result, for people. */
  say(line = ''): void {
    if (this.json) return;
    this.#hideBar();
    process.stdout.write(`${line}\n`);
  }

  /** A line about what is going on, for people. */
  note(line: string): void {
    if (this.json) return;
    this.#hideBar();
    process.stderr.write(`${line}\n`);
    this.#showBar();
  }

  /** One machine line; written only with --json. */
  event(event: Readonly<Record<string, unknown>> & { readonly type: string }): void {
    if (this.json) process.stdout.write(`${JSON.stringify(event)}\n`);
  }

  /** Raw text of a program's stderr, as it comes. */
  raw(text: string | Uint8Array): void {
    this.#hideBar();
    process.stderr.write(text);
  }

  paint(style: Paint, text: string): string {
    return this.#colors ? styleText(style, text) : text;
  }

  state(state: string): string {
    const style: Readonly<Record<string, Paint>> = {
      succeeded: 'green',
      online: 'green',
      failed: 'red',
      gone: 'red',
      canceled: 'yellow',
      suspect: 'yellow',
      draining: 'yellow',
      running: 'cyan',
    };
    return this.paint(style[state] ?? 'dim', state);
  }

  /** Rows under a head, aligned, without frames. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    if (this.json) return;
    const none = {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    };
    const table = new Table({
      head: head.map((title) => this.paint('dim', title)),
      chars: none,
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    });
    table.push(...rows.map((row) => [...row]));
    for (const line of table.toString().split('\n')) this.say(line.trimEnd());
  }

  /** Pairs of a name and a value, one a line. */
  facts(pairs: readonly (readonly [name: string, value: string])[]): void {
    const width = Math.max(...pairs.map(([name]) => name.length));
    for (const [name, value] of pairs) this.say(`${this.paint('dim', name.padEnd(width))}  ${value}`);
  }

  /** How far a job is. */
  progress(job: JobView, startedMs: number, nowMs: number): void {
    if (this.json) return;
    const { total, succeeded, failed, canceled, active } = job.counts;
    const done = succeeded + failed + canceled;
    const fraction = total === 0 ? 0 : done / total;
    const words = [
      `${done.toLocaleString('en-US')}/${total.toLocaleString('en-US')} tasks`,
      `${active} running`,
      ...(failed > 0 ? [`${failed} failed`] : []),
      durationText(nowMs - startedMs),
    ].join(' · ');
    if (this.#live) {
      const filled = Math.round(fraction * BAR_CELLS);
      this.#bar = `[${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)}] ${Math.floor(fraction * 100)} % ${words}`;
      this.#showBar();
      return;
    }
    const isStep = fraction - this.#plainFraction >= PLAIN_STEP || (fraction === 1 && this.#plainFraction < 1);
    if (!isStep && (nowMs - this.#plainAtMs < PLAIN_EVERY_MS || fraction === this.#plainFraction)) return;
    this.#plainFraction = fraction;
    this.#plainAtMs = nowMs;
    this.note(words);
  }

  endProgress(): void {
    this.#hideBar();
    this.#bar = '';
  }

  #showBar(): void {
    if (!this.#live || this.#bar === '') return;
    const width = (process.stderr.columns ?? 80) - 1;
    process.stderr.write(`\r\x1b[2K${this.#bar.slice(0, width)}`);
    this.#barShown = true;
  }

  #hideBar(): void {
    if (!this.#barShown) return;
    process.stderr.write('\r\x1b[2K');
    this.#barShown = false;
  }
}
