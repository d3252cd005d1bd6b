// WGSL text as tokens, comments taken out (spec §3). Only what the gate needs: names, numbers, single punctuation characters.
// Non-ASCII text outside comments is refused, so that no look-alike and no exotic line break can hide code from the gate.
import { UdcsError } from '@udcs/protocol';

export interface Token {
  readonly kind: 'name' | 'number' | 'punctuation';
  readonly text: string;
  /** Offset in the source, UTF-16 units. */
  readonly at: number;
}

const MAX_TOKENS = 200_000;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*(?:[pP][+-]?[0-9]+)?[iufh]?|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[iufh]?/y;
/** Line breaks of WGSL: a line comment ends at any of them. */
const LINE_BREAK = /[\n\v\f\r\u0085\u2028\u2029]/g;
const BLANK = /[ \t\n\v\f\r]+/y;

export const compileError = (message: string, source: string, at: number): UdcsError => {
  const { line, column } = positionOf(source, at);
  return new UdcsError('KERNEL_COMPILE', `${line}:${column}: ${message}`);
};

/** 1-based line and column as a GPUCompilationMessage counts them. */
function positionOf(source: string, at: number): { readonly line: number; readonly column: number } {
  let line = 1;
  let lineStart = 0;
  for (let breakAt = source.indexOf('\n'); breakAt !== -1 && breakAt < at; breakAt = source.indexOf('\n', breakAt + 1)) {
    line += 1;
    lineStart = breakAt + 1;
  }
  return { line, column: at - lineStart + 1 };
}

function skipLineComment(source: string, from: number): number {
  LINE_BREAK.lastIndex = from;
  const end = LINE_BREAK.exec(source)?.index ?? source.length;
  const code = end < source.length ? source.charCodeAt(end) : 0;
  if (code > 0x7e)
    throw compileError(`the line break U+${code.toString(16).toUpperCase().padStart(4, '0')} ends this comment unseen, use a plain line break`, source, end);
  return end;
}

/** Block comments nest. */
function skipBlockComment(source: string, from: number): number {
  let depth = 0;
  for (let at = from; at < source.length; at++) {
    const pair = source.slice(at, at + 2);
    if (pair === '/*') depth += 1;
    else if (pair === '*/') depth -= 1;
    else continue;
    at += 1;
    if (depth === 0) return at + 1;
  }
  throw compileError('this comment never ends', source, from);
}

function matchAt(pattern: RegExp, source: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? null;
}

/** @throws UdcsError KERNEL_COMPILE */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const pair = source.slice(at, at + 2);
    if (pair === '//') {
      at = skipLineComment(source, at);
      continue;
    }
    if (pair === '/*') {
      at = skipBlockComment(source, at);
      continue;
    }
    const blank = matchAt(BLANK, source, at);
    if (blank !== null) {
      at += blank.length;
      continue;
    }
    const code = source.charCodeAt(at);
    if (code < 0x20 || code > 0x7e)
      throw compileError(`the character U+${code.toString(16).toUpperCase().padStart(4, '0')} is only allowed in comments`, source, at);
    const name = matchAt(NAME, source, at);
    const text = name ?? matchAt(NUMBER, source, at) ?? source.charAt(at);
    tokens.push({ kind: name !== null ? 'name' : /[0-9]/.test(text) ? 'number' : 'punctuation', text, at });
    if (tokens.length > MAX_TOKENS) throw compileError(`the shader has more than ${MAX_TOKENS} tokens`, source, at);
    at += text.length;
  }
  return tokens;
}
