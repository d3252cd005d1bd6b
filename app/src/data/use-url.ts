'use client';
// What a page shows stands in its address, so that it can be reloaded, bookmarked and sent. Changing it asks no page of the server.
import { useSearchParams } from 'next/navigation';

type Changes = Readonly<Record<string, string | null>>;

/** Values of the query and a way to change some of them; null or '' removes one. */
export function useUrl(): readonly [get: (name: string) => string | null, change: (changes: Changes) => void] {
  const params = useSearchParams();
  const change = (changes: Changes): void => {
    const next = new URLSearchParams(params);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') next.delete(name);
      else next.set(name, value);
    }
    window.history.pushState(null, '', next.size > 0 ? `?${next}` : window.location.pathname);
  };
  return [(name) => params.get(name), change];
}
