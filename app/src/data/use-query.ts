'use client';
// One answer, asked again whenever it may be old: pages of tasks, attempts, explanations. What is live comes through use-live.
import type { Grid } from '@udcs/client';
import { toUdcsError, type UdcsError } from '@udcs/protocol';
import { useCallback, useEffect, useState } from 'react';
import { currentGrid } from './session.ts';
import { useLink } from './use-link.ts';

export interface Query<T> {
  /** null while the first answer is awaited. */
  readonly value: T | null;
  readonly error: UdcsError | null;
  readonly loading: boolean;
  readonly again: () => void;
}

interface Answer<T> {
  readonly key: string;
  readonly value: T | null;
  readonly error: UdcsError | null;
}

/**
 * @param key names the question: another key is another question, whose answer is awaited afresh
 * @param version another version asks the same question again and keeps the old answer until the new one is there
 */
export function useQuery<T>(key: string, ask: (grid: Grid, signal: AbortSignal) => Promise<T>, version: number | string = 0): Query<T> {
  const link = useLink();
  const [turn, setTurn] = useState(0);
  const [answer, setAnswer] = useState<Answer<T>>({ key, value: null, error: null });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `ask` is described by `key`; the others ask again
  useEffect(() => {
    const grid = currentGrid();
    if (grid === null) return;
    const leaving = new AbortController();
    ask(grid, leaving.signal).then(
      (value) => setAnswer({ key, value, error: null }),
      (failure: unknown) => {
        if (leaving.signal.aborted) return;
        setAnswer((before) => ({ key, value: before.key === key ? before.value : null, error: toUdcsError(failure) }));
      },
    );
    return () => leaving.abort();
  }, [key, turn, version, link.found]);
  const current = answer.key === key ? answer : { value: null, error: null };
  return {
    value: current.value,
    error: current.error,
    loading: current.value === null && current.error === null,
    again: useCallback(() => setTurn((before) => before + 1), []),
  };
}
