// A look at JSON text before it is parsed: depth and number of values, in one pass without building anything. Ten megabytes
// of `[` cost a scan to the depth limit, not a parse.
import { limits } from '@udcs/protocol';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** What is wrong with the shape of `text`, as a sentence, or null. Does not check that it is valid JSON. */
export function jsonTrouble(text: string, bounds: { depth: number; nodes: number } = { depth: limits.jsonDepth, nodes: limits.jsonNodes }): string | null {
  let depth = 0;
  let nodes = 1;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++;
        nodes++;
        if (depth > bounds.depth) return `JSON nested deeper than ${bounds.depth} levels`;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        break;
      case COMMA:
        nodes++;
        break;
    }
    if (nodes > bounds.nodes) return `JSON with more than ${bounds.nodes} values`;
  }
  return null;
}

/** Position of the closing quote; the end of the text when there is none. */
function endOfString(text: string, opening: number): number {
  let close = text.indexOf('"', opening + 1);
  while (close !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(close - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return close;
    close = text.indexOf('"', close + 1);
  }
  return text.length;
}
