'use client';
// Live data: a subscription folded into a value, opened anew after a loss, with the one question every screen has to answer: is
// what I see current? What was read before a loss stays on the screen until the first event after it.
import type { Grid } from '@udcs/client';
import { type ProcedureInput, type ProcedureOutput, type ProceduresOfKind, UdcsError } from '@udcs/protocol';
import { useEffect, useState } from 'react';
import { currentGrid, isLoggedOut } from './session.ts';
import { useLink } from './use-link.ts';

/** `complete`: it is all told and will not change any more. `failed`: asking again would not help. */
export type Connection = 'loading' | 'live' | 'complete' | 'disconnected' | 'logged-out' | 'failed';

export interface Live<T> {
  readonly value: T;
  readonly connection: Connection;
  readonly error: UdcsError | null;
}

const RETRY_MS = 2_000;

type Subscription = ProceduresOfKind<'subscription'>;

interface Folding<P extends Subscription, T> {
  readonly initial: T;
  /** Pure: the value after one more event. */
  readonly fold: (value: T, event: ProcedureOutput<P>) => T;
  /** Whether nothing can follow this value, so that the end of the stream is no loss. */
  readonly isComplete?: (value: T) => boolean;
}

/**
 * @param inputKey JSON of the input; null = do not subscribe yet
 * @param folding a constant of the calling module
 */
export function useLive<P extends Subscription, T>(procedure: P, inputKey: string | null, folding: Folding<P, T>): Live<T> {
  const link = useLink();
  const [live, setLive] = useState<Live<T>>({ value: folding.initial, connection: 'loading', error: null });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `folding` is a constant; `link.found` opens it anew after a loss
  useEffect(() => {
    const grid = currentGrid();
    if (grid === null) setLive({ value: folding.initial, connection: 'logged-out', error: null });
    if (grid === null || inputKey === null) return;
    const leaving = new AbortController();
    void follow(grid, procedure, JSON.parse(inputKey) as ProcedureInput<P>, folding, leaving.signal, (change) =>
      setLive((before) => ({ ...before, error: null, ...change })),
    );
    return () => leaving.abort();
  }, [procedure, inputKey, link.found]);
  return link.lost && (live.connection === 'live' || live.connection === 'loading') ? { ...live, connection: 'disconnected' } : live;
}

async function follow<P extends Subscription, T>(
  grid: Grid,
  procedure: P,
  input: ProcedureInput<P>,
  { initial, fold, isComplete }: Folding<P, T>,
  signal: AbortSignal,
  show: (change: Partial<Live<T>>) => void,
): Promise<void> {
  while (!signal.aborted) {
    let value = initial;
    try {
      for await (const event of grid.subscribe(procedure, input, { signal, onStarted: () => show({ connection: 'live' }) })) {
        value = fold(value, event);
        show({ value, connection: 'live' });
      }
      if (signal.aborted) return;
      if (isComplete?.(value) === true) return show({ connection: 'complete' });
      show({ connection: 'disconnected' });
    } catch (failure) {
      if (signal.aborted) return;
      const error = failure instanceof UdcsError ? failure : new UdcsError('UNREACHABLE', 'the coordinator does not answer');
      if (isLoggedOut(error)) return show({ connection: 'logged-out', error });
      if (error.blame === 'job') return show({ connection: 'failed', error });
      show({ connection: 'disconnected', error });
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
