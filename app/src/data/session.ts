// Who this browser is (one token, kept in localStorage) and the one connection of the page. Nothing is authorised here; the
// coordinator checks every call.
import { connect, type Grid, UdcsError } from '@udcs/client';

const KEY = 'udcs-token';

const savedToken = (): string | null => (typeof window === 'undefined' ? null : window.localStorage.getItem(KEY));

function saveToken(token: string): void {
  window.localStorage.setItem(KEY, token);
}

/** Forgets the token and loads the page anew, so that nothing of the old session stays on the screen. */
export function logOut(): void {
  window.localStorage.removeItem(KEY);
  window.location.assign('/login');
}

/** State of the connection: whether it is lost now, and how often it was found again (what was read before then may be old). */
export interface Link {
  readonly lost: boolean;
  readonly found: number;
}

let opened: { token: string; grid: Grid } | null = null;
let link: Link = { lost: false, found: 0 };
const listeners = new Set<() => void>();

function setLink(next: Link): void {
  link = next;
  for (const listener of listeners) listener();
}

export const currentLink = (): Link => link;

export function onLink(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The one connection of this page; a new one when the token has changed. null = not logged in. */
export function currentGrid(): Grid | null {
  const token = savedToken();
  if (token === null) return null;
  if (opened?.token !== token) {
    void opened?.grid.close();
    const onConnection = (state: 'lost' | 'found'): void =>
      setLink(state === 'lost' ? { ...link, lost: true } : { lost: false, found: link.lost ? link.found + 1 : link.found });
    opened = { token, grid: connect({ url: window.location.origin, token, onConnection }) };
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
