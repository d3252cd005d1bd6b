// Who this browser is: one token, kept in localStorage. Nothing is authorised here; the coordinator checks every call.
import { connect, type Grid, UdcsError } from '@udcs/client';

const KEY = 'udcs-token';

export const savedToken = (): string | null => (typeof window === 'undefined' ? null : window.localStorage.getItem(KEY));

export function saveToken(token: string): void {
  window.localStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  window.localStorage.removeItem(KEY);
}

let opened: { token: string; grid: Grid } | null = null;

/** The one connection of this page; a new one when the token has changed. null = not logged in. */
export function currentGrid(): Grid | null {
  const token = savedToken();
  if (token === null) return null;
  if (opened?.token !== token) {
    void opened?.grid.close();
    opened = { token, grid: connect({ url: window.location.origin, token }) };
  }
  return opened.grid;
}

/** Trades the one-time code of a login link for a token. @throws UdcsError with words for a person */
export async function logIn(code: string): Promise<void> {
  const grid = connect({ url: window.location.origin });
  try {
    saveToken((await grid.call('auth.login', { code })).token);
  } finally {
    await grid.close();
  }
}

/** Checks a token a person typed. @throws UdcsError UNAUTHENTICATED */
export async function logInWithToken(token: string): Promise<void> {
  const grid = connect({ url: window.location.origin, token });
  try {
    await grid.call('auth.whoami', {});
    saveToken(token);
  } finally {
    await grid.close();
  }
}

export const isLoggedOut = (error: unknown): boolean => error instanceof UdcsError && error.code === 'UNAUTHENTICATED';
