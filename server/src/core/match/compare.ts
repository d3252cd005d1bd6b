// Meaning of the operators in `requires` and `prefers`. Not a checker: it knows values, not workers.
import type { AttrValue, Predicate } from '@udcs/protocol';

/** Whether a present value meets the predicate. A missing value is the caller's matter. */
export function meets(predicate: Predicate, have: AttrValue): boolean {
  const want = predicate.value;
  switch (predicate.op) {
    case 'isSet':
      return true;
    case 'notSet':
      return false;
    case '=':
      return want !== undefined && same(have, want);
    case '!=':
      return want !== undefined && !same(have, want);
    case 'in':
      return Array.isArray(want) && want.some((item) => same(have, item));
    case 'notIn':
      return Array.isArray(want) && !want.some((item) => same(have, item));
    case 'contains':
      return Array.isArray(have) && listOf(want).every((item) => have.includes(item));
    case 'version':
      return typeof want === 'string' && versionMeets(String(have), want);
    default:
      return ordered(predicate.op, have, want);
  }
}

const listOf = (want: AttrValue | undefined): readonly string[] => (Array.isArray(want) ? want : want === undefined ? [] : [String(want)]);

function same(a: AttrValue, b: AttrValue): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => item === b[at]);
  return a === b;
}

function ordered(op: '<' | '<=' | '>' | '>=', have: AttrValue, want: AttrValue | undefined): boolean {
  const comparable = (typeof have === 'number' && typeof want === 'number') || (typeof have === 'string' && typeof want === 'string');
  if (!comparable || want === undefined) return false;
  if (op === '<') return have < want;
  if (op === '<=') return have <= want;
  return op === '>' ? have > want : have >= want;
}

const TERM = /^(>=|<=|>|<|=)?v?(\d+(?:\.\d+)*)$/;

/** "4.2" means 4.2 and its patches; several comparisons must all hold. An unreadable version meets nothing. */
export function versionMeets(have: string, want: string): boolean {
  const version = /\d+(?:\.\d+)*/.exec(have)?.[0];
  const terms = want.trim().split(/\s+/);
  return version !== undefined && terms.every((term) => termMeets(version, term));
}

function termMeets(version: string, term: string): boolean {
  const parsed = TERM.exec(term);
  if (parsed === null) return false;
  const [, op, bound = ''] = parsed;
  if (op === undefined || op === '=') return compareVersions(version.split('.').slice(0, bound.split('.').length).join('.'), bound) === 0;
  const order = compareVersions(version, bound);
  if (op === '>=') return order >= 0;
  if (op === '<=') return order <= 0;
  return op === '>' ? order > 0 : order < 0;
}

function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
