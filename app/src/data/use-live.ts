'use client';
// Live data: a subscription folded into a value, reopened after a loss, with the one question every screen has to answer: is what I
// see current?
import type { Grid } from '@udcs/client';
import { type ProcedureInput, type ProcedureOutput, type ProceduresOfKind, UdcsError } from '@udcs/protocol';
import { useEffect, useState } from 'react';
import { currentGrid, isLoggedOut } from './session.ts';

export type Connection = 'loading' | 'live' | 'disconnected' | 'logged-out' | 'failed';

export interface Live<T> {
  readonly value: T;
  readonly connection: Connection;
  readonly error: UdcsError | null;
}

const RETRY_MS = 2_000;

type Subscription = ProceduresOfKind<'subscription'>;

/**
 * @param inputKey JSON of the input; null = do not subscribe
 * @param fold pure: the value after one more event
 */
export function useLive<P extends Subscription, T>(
  procedure: P,
  inputKey: string | null,
  initial: T,
  fold: (value: T, event: ProcedureOutput<P>) => T,
): Live<T> {
  const [live, setLive] = useState<Live<T>>({ value: initial, connection: 'loading', error: null });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `fold` and `initial` are constants of the calling module
  useEffect(() => {
    const grid = currentGrid();
    if (grid === null) setLive({ value: initial, connection: 'logged-out', error: null });
    if (grid === null || inputKey === null) return;
    const leaving = new AbortController();
    void follow(grid, procedure, JSON.parse(inputKey) as ProcedureInput<P>, leaving.signal, {
      event: (event) => setLive((before) => ({ value: fold(before.value, event), connection: 'live', error: null })),
      lost: (connection, error) => setLive((before) => ({ ...before, connection, error })),
    });
    return () => leaving.abort();
  }, [procedure, inputKey]);
  return live;
}

interface Listener<P extends Subscription> {
  readonly event: (event: ProcedureOutput<P>) => void;
  readonly lost: (connection: Connection, error: UdcsError | null) => void;
}

async function follow<P extends Subscription>(grid: Grid, procedure: P, input: ProcedureInput<P>, signal: AbortSignal, listener: Listener<P>): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of grid.subscribe(procedure, input, { signal })) listener.event(event);
      if (!signal.aborted) listener.lost('disconnected', null);
    } catch (failure) {
      if (signal.aborted) return;
      const error = failure instanceof UdcsError ? failure : new UdcsError('UNREACHABLE', 'the coordinator does not answer');
      if (isLoggedOut(error)) return listener.lost('logged-out', error);
      if (error.blame === 'job') return listener.lost('failed', error);
      listener.lost('disconnected', error);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
