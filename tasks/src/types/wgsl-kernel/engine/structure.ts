// The functions and loops of a shader, found by brackets and keywords. Enough for the gate to know where loops begin, which
// functions meet a barrier, and how many calls one invocation can make; the compiler checks everything else.
import { UdcsError } from '@udcs/protocol';
import { compileError, type Token } from './tokens.ts';

export interface Loop {
  /** Index of the `{` that opens the body. */
  readonly open: number;
  /** Index of the `}` that closes it. */
  readonly close: number;
  /** Index of the keyword. */
  readonly from: number;
}

export interface Call {
  readonly name: string;
  /** Index of the `(`. */
  readonly open: number;
}

export interface FunctionShape {
  readonly name: string;
  readonly isEntryPoint: boolean;
  /** Index of the `(` of the parameters. */
  readonly parameters: number;
  readonly open: number;
  readonly close: number;
  /** The return type's text without blanks and comments; null = returns nothing. */
  readonly returns: string | null;
  /** Its last statement is a return. */
  readonly endsWithReturn: boolean;
  readonly loops: readonly Loop[];
  /** Calls of functions of this shader. */
  readonly calls: readonly Call[];
}

const MAX_NESTING = 100;
/** Calls one invocation can make outside loops; chains of functions that call the next twice grow past any budget. */
const MAX_CALLS = 10_000;
const LOOP_WORDS = new Set(['loop', 'for', 'while']);
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** For every opening bracket the index of its closing one. */
function matchBrackets(tokens: readonly Token[], source: string): ReadonlyMap<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'punctuation') continue;
    if (token.text in CLOSING) {
      open.push(index);
      if (open.length > MAX_NESTING) throw compileError(`brackets are nested deeper than ${MAX_NESTING}`, source, token.at);
    } else if (token.text === ')' || token.text === ']' || token.text === '}') {
      const from = open.pop();
      const opening = from === undefined ? undefined : tokens[from];
      if (from === undefined || opening === undefined || CLOSING[opening.text] !== token.text)
        throw compileError(`"${token.text}" closes nothing`, source, token.at);
      pairs.set(from, index);
    }
  }
  const left = open.pop();
  const unclosed = left === undefined ? undefined : tokens[left];
  if (unclosed !== undefined) throw compileError(`"${unclosed.text}" is never closed`, source, unclosed.at);
  return pairs;
}

export class ShaderShape {
  readonly tokens: readonly Token[];
  readonly functions: readonly FunctionShape[];
  private readonly source: string;
  private readonly pairs: ReadonlyMap<number, number>;
  private readonly names: ReadonlySet<string>;

  constructor(source: string, tokens: readonly Token[]) {
    this.source = source;
    this.tokens = tokens;
    this.pairs = matchBrackets(tokens, source);
    const heads = this.functionHeads();
    this.names = new Set(heads.map((index) => this.text(index + 1)));
    this.functions = heads.map((index) => this.readFunction(index));
  }

  text(index: number): string {
    return this.tokens[index]?.text ?? '';
  }

  private fail(message: string, index: number): UdcsError {
    return compileError(message, this.source, this.tokens[index]?.at ?? this.source.length);
  }

  /** Indices of `fn` outside every bracket. */
  private functionHeads(): number[] {
    const heads: number[] = [];
    for (let index = 0; index < this.tokens.length; index++) {
      if (this.text(index) === 'fn') heads.push(index);
      index = this.pairs.get(index) ?? index;
    }
    return heads;
  }

  private readFunction(head: number): FunctionShape {
    const parameters = head + 2;
    const end = this.pairs.get(parameters);
    if (this.tokens[head + 1]?.kind !== 'name' || this.text(parameters) !== '(' || end === undefined)
      throw this.fail('a function needs a name and parameters', head);
    const open = this.nextBrace(end + 1, head);
    const close = this.pairs.get(open) ?? open;
    const arrow = this.text(end + 1) === '-' && this.text(end + 2) === '>';
    const returns = arrow
      ? this.tokens
          .slice(end + 3, open)
          .map((token) => token.text)
          .join('')
      : null;
    return {
      name: this.text(head + 1),
      isEntryPoint: this.hasStageAttribute(head),
      parameters,
      open,
      close,
      returns,
      endsWithReturn: this.lastStatement(open, close) === 'return',
      loops: this.loopsIn(open, close),
      calls: this.callsIn(open, close),
    };
  }

  /** First word of the last statement between two braces. */
  private lastStatement(open: number, close: number): string {
    let first = '';
    let isStart = true;
    for (let index = open + 1; index < close; index++) {
      if (isStart) first = this.text(index);
      const opening = this.text(index);
      index = this.pairs.get(index) ?? index;
      isStart = opening === ';' || opening === '{';
    }
    return first;
  }

  /** Attributes stand before `fn`, back to the end of the declaration before. */
  private hasStageAttribute(head: number): boolean {
    for (let index = head - 1; index >= 0; index--) {
      const text = this.text(index);
      if (text === ';' || text === '}') return false;
      if (this.text(index - 1) === '@' && (text === 'compute' || text === 'vertex' || text === 'fragment')) return true;
    }
    return false;
  }

  /** The next `{` that is in no other bracket. */
  private nextBrace(from: number, keyword: number): number {
    for (let index = from; index < this.tokens.length; index++) {
      if (this.text(index) === '{') return index;
      if (this.text(index) === '}') break;
      index = this.pairs.get(index) ?? index;
    }
    throw this.fail(`"${this.text(keyword)}" has no body`, keyword);
  }

  private loopsIn(open: number, close: number): Loop[] {
    const loops: Loop[] = [];
    for (let index = open + 1; index < close; index++) {
      if (!LOOP_WORDS.has(this.text(index))) continue;
      const body = this.nextBrace(index + 1, index);
      loops.push({ from: index, open: body, close: this.pairs.get(body) ?? body });
    }
    return loops;
  }

  private callsIn(open: number, close: number): Call[] {
    const calls: Call[] = [];
    for (let index = open + 1; index < close; index++) {
      if (this.text(index + 1) === '(' && this.names.has(this.text(index)) && this.text(index - 1) !== '.')
        calls.push({ name: this.text(index), open: index + 1 });
    }
    return calls;
  }

  /** @throws UdcsError KERNEL_INVALID for recursion and for call trees that blow up */
  checkCallTree(): void {
    const byName = new Map(this.functions.map((fn) => [fn.name, fn]));
    const costs = new Map<string, number>();
    const onPath = new Set<string>();
    const costOf = (fn: FunctionShape): number => {
      const known = costs.get(fn.name);
      if (known !== undefined) return known;
      if (onPath.has(fn.name))
        throw new UdcsError('KERNEL_INVALID', `the function "${fn.name}" calls itself, directly or through others`, { hint: 'WGSL has no recursion' });
      onPath.add(fn.name);
      let cost = 1;
      for (const call of fn.calls) {
        const callee = byName.get(call.name);
        if (callee !== undefined) cost += costOf(callee);
        if (cost > MAX_CALLS)
          throw new UdcsError('KERNEL_INVALID', `one run of "${fn.name}" makes more than ${MAX_CALLS} function calls without a loop`, {
            hint: 'call fewer functions, or use a loop',
          });
      }
      onPath.delete(fn.name);
      costs.set(fn.name, cost);
      return cost;
    };
    for (const fn of this.functions) costOf(fn);
  }
}
