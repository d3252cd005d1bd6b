// Does the worker have every attribute the job demands, with a value that fits?
import type { Attributes, AttrValue, Predicate, Reason } from '@udcs/protocol';
import { refuse, type StaticChecker } from './checker.ts';
import { meets } from './compare.ts';

export const checkRequires: StaticChecker = (need, { capabilities }) => firstUnmet(need.requires, capabilities.attributes);

function firstUnmet(requires: readonly Predicate[], attributes: Attributes): Reason | null {
  for (const predicate of requires) {
    const have = attributes[predicate.attr];
    if (have === undefined) {
      if (predicate.op !== 'notSet')
        return refuse(
          'MISSING_ATTR',
          `it has no ${predicate.attr}; the job requires ${predicateText(predicate)}`,
          `Connect a worker with ${predicateText(predicate)}`,
        );
    } else if (!meets(predicate, have)) {
      const message = `its ${predicate.attr} is ${valueText(have)}; the job requires ${predicateText(predicate)}`;
      return refuse(
        'REQUIRES',
        message,
        `Let ${predicate.attr} also be ${valueText(have)}, or connect a worker with ${predicateText(predicate)}`,
        distance(predicate, have),
      );
    }
  }
  return null;
}

const distance = (predicate: Predicate, have: AttrValue): number | null =>
  typeof predicate.value === 'number' && typeof have === 'number' ? Math.abs(predicate.value - have) : null;

const valueText = (value: AttrValue | undefined): string => (Array.isArray(value) ? value.join(', ') : String(value));

const OP_TEXT: Readonly<Record<string, string>> = {
  '=': 'to be',
  '!=': 'not to be',
  in: 'one of',
  notIn: 'none of',
  contains: 'with',
  isSet: 'to be known',
  notSet: 'to be unknown',
  version: 'version',
};

export const predicateText = ({ attr, op, value }: Predicate): string =>
  [attr, OP_TEXT[op] ?? op, value === undefined ? '' : valueText(value)].join(' ').trim();
