'use client';
// One choice out of a few, as pressed and unpressed buttons.
import type { ReactNode } from 'react';

interface Choice<T> {
  readonly value: T;
  readonly words: ReactNode;
}

export function Chips<T extends string | null>({
  label,
  choices,
  chosen,
  choose,
}: {
  label: string;
  choices: readonly Choice<T>[];
  chosen: T;
  choose: (value: T) => void;
}) {
  return (
    <fieldset className="flex flex-wrap gap-2" aria-label={label}>
      {choices.map(({ value, words }) => (
        <button
          key={value ?? ''}
          type="button"
          aria-pressed={value === chosen}
          onClick={() => choose(value)}
          className={`cursor-pointer rounded-full border px-3 py-1 text-sm ${
            value === chosen ? 'border-text bg-text text-ground' : 'border-line text-soft hover:border-soft hover:text-text'
          }`}
        >
          {words}
        </button>
      ))}
    </fieldset>
  );
}
