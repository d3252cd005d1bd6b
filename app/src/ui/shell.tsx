'use client';
// The frame of every page: name, places, whether the figures are current.
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { ReactNode } from 'react';
import type { Connection } from '../data/use-live.ts';

const PLACES = [
  ['/', 'Overview'],
  ['/jobs', 'Jobs'],
  ['/workers', 'Workers'],
] as const;

export function Shell({ title, connection, aside, children }: { title: string; connection?: Connection; aside?: ReactNode; children: ReactNode }) {
  const path = usePathname();
  return (
    <div className="mx-auto min-h-screen max-w-6xl px-4 pb-16 sm:px-6">
      <nav className="flex flex-wrap items-center gap-x-6 gap-y-2 py-5" aria-label="Main">
        <Link href="/" className="text-lg font-semibold tracking-tight no-underline">
          UDCS
        </Link>
        {PLACES.map(([href, name]) => {
          const here = href === '/' ? path === '/' : path.startsWith(href);
          return (
            <Link
              key={href}
              href={href}
              aria-current={here ? 'page' : undefined}
              className={`no-underline ${here ? 'text-text' : 'text-soft hover:text-text'}`}
            >
              {name}
            </Link>
          );
        })}
        {connection !== undefined && <Currency connection={connection} />}
      </nav>
      <main>
        <header className="mb-6 flex flex-wrap items-baseline justify-between gap-4">
          <h1>{title}</h1>
          {aside}
        </header>
        {connection === 'logged-out' ? <LoggedOut /> : children}
      </main>
    </div>
  );
}

function Currency({ connection }: { connection: Connection }) {
  const words = {
    loading: 'connecting…',
    live: 'live',
    disconnected: 'disconnected: what you see may be old; trying again',
    'logged-out': 'not logged in',
    failed: 'failed',
  }[connection];
  const colour = connection === 'live' ? 'bg-good' : connection === 'loading' ? 'bg-wait' : 'bg-bad';
  return (
    <span role="status" className="ml-auto inline-flex items-center gap-2 text-sm text-soft">
      <span className={`size-2 rounded-full ${colour}`} aria-hidden />
      {words}
    </span>
  );
}

function LoggedOut() {
  return (
    <div className="max-w-prose space-y-3">
      <p>This browser is not logged in to the coordinator.</p>
      <p className="text-soft">
        Open the dashboard link that the coordinator printed when it started, make a token with <code className="font-mono text-sm">udcs token create</code>, or{' '}
        <Link href="/login">enter a token</Link>.
      </p>
    </div>
  );
}
