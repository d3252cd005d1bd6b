// Can the worker run this type at the isolation the job demands? `wasm` and `browser` are met only by executors of that kind.
import { ISOLATION_LEVELS, type IsolationLevel } from '@udcs/protocol';
import type { Need } from '../model.ts';
import { refuse, type StaticChecker, type StaticSubject } from './checker.ts';

export const checkIsolation: StaticChecker = (need, subject) => {
  if (need.isolationMin === 'none') return null;
  const levels = levelsOf(need, subject);
  if (levels.some((level) => reaches(level, need.isolationMin))) return null;
  return refuse(
    'ISOLATION',
    `it runs ${need.type} at isolation ${levels.join(', ') || 'none'}; the job demands ${need.isolationMin}`,
    `Lower isolation.min to ${levels.at(-1) ?? 'none'}`,
  );
};

function levelsOf(need: Need, { kind, capabilities }: StaticSubject): readonly string[] {
  const offered = capabilities.attributes['isolation'];
  return [...(Array.isArray(offered) ? offered : []), ...(need.typeIsolation === null ? [] : [need.typeIsolation]), ...(kind === 'browser' ? ['browser'] : [])];
}

function reaches(level: string, min: IsolationLevel): boolean {
  if (min === 'wasm' || min === 'browser') return level === min;
  return (ISOLATION_LEVELS as readonly string[]).indexOf(level) >= ISOLATION_LEVELS.indexOf(min);
}
