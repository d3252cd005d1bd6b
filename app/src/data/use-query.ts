'use client';
// One answer, asked again whenever `key` changes: pages of tasks, attempts, explanations. What is live comes through use-live.
import type { Grid } from '@udcs/client';
import { toUdcsError, type UdcsError } from '@udcs/protocol';
import { useCallback, useEffect, useState } from 'react';
import { currentGrid } from './session.ts';

export interface Query<T> {
  readonly value: T | null;
  readonly error: UdcsError | null;
  readonly loading: boolean;
  readonly again: () => void;
}

export function useQuery<T>(key: string, ask: (grid: Grid, signal: AbortSignal) => Promise<T>): Query<T> {
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<Omit<Query<T>, 'again'>>({ value: null, error: null, loading: true });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `ask` is described by `key`
  useEffect(() => {
    const grid = currentGrid();
    if (grid === null) return;
    const leaving = new AbortController();
    ask(grid, leaving.signal).then(
      (value) => setState({ value, error: null, loading: false }),
      (failure: unknown) => {
        if (!leaving.signal.aborted) setState((before) => ({ ...before, error: toUdcsError(failure), loading: false }));
      },
    );
    return () => leaving.abort();
  }, [key, turn]);
  return { ...state, again: useCallback(() => setTurn((before) => before + 1), []) };
}
