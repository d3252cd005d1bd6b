'use client';
// The frame of every page: name, places, whether the figures are current, who is logged in.
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { ReactNode } from 'react';
import { logOut } from '../data/session.ts';
import type { Connection } from '../data/use-live.ts';
import { Code } from './code.tsx';

const PLACES = [
  ['/', 'Overview'],
  ['/jobs', 'Jobs'],
  ['/workers', 'Workers'],
] as const;

interface ShellProps {
  readonly title: string;
  /** Absent on pages that show nothing live. */
  readonly connection?: Connection;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

export function Shell({ title, connection, aside, children }: ShellProps) {
  const path = usePathname();
  return (
    <div className="mx-auto min-h-screen max-w-6xl px-4 pb-16 sm:px-6">
      <title>{`${title} · UDCS`}</title>
      <a href="#content" className="sr-only focus:not-sr-only">
        Skip to the content
      </a>
      <nav className="flex flex-wrap items-center gap-x-6 gap-y-2 py-5" aria-label="Main">
        <Link href="/" prefetch={false} className="text-lg font-semibold tracking-tight no-underline">
          UDCS
        </Link>
        {PLACES.map(([href, name]) => {
          const here = href === '/' ? path === '/' : path.startsWith(href);
          return (
            <Link
              key={href}
              href={href}
              prefetch={false}
              aria-current={here ? 'page' : undefined}
              className={`no-underline ${here ? 'text-text' : 'text-soft hover:text-text'}`}
            >
              {name}
            </Link>
          );
        })}
        {connection !== undefined && <Currency connection={connection} />}
      </nav>
      <main id="content">
        {connection === 'disconnected' && (
          <p role="alert" className="mb-6 rounded-md border border-bad/40 bg-bad/5 px-4 py-3">
            <strong className="font-semibold">The coordinator does not answer.</strong> What you see is what it last told; it goes on by itself when the
            coordinator is back.
          </p>
        )}
        <header className="mb-6 flex flex-wrap items-start justify-between gap-4">
          <h1 className="min-w-0 break-words">{title}</h1>
          {aside}
        </header>
        {connection === 'logged-out' ? <LoggedOut /> : children}
      </main>
    </div>
  );
}

const CURRENCY = {
  loading: ['connecting…', 'bg-wait'],
  live: ['live', 'bg-good'],
  complete: ['complete', 'bg-soft'],
  disconnected: ['disconnected', 'bg-bad'],
  'logged-out': ['not logged in', 'bg-bad'],
  failed: null,
} as const satisfies Record<Connection, readonly [words: string, colour: string] | null>;

function Currency({ connection }: { connection: Connection }) {
  const said = CURRENCY[connection];
  return (
    <div className="flex items-center gap-4 text-sm text-soft sm:ml-auto">
      {said !== null && (
        <span role="status" className="inline-flex items-center gap-2">
          <span className={`size-2 rounded-full ${said[1]}`} aria-hidden />
          {said[0]}
        </span>
      )}
      {connection !== 'logged-out' && (
        <button type="button" onClick={logOut} className="cursor-pointer hover:text-text">
          Log out
        </button>
      )}
    </div>
  );
}

function LoggedOut() {
  return (
    <div className="max-w-prose space-y-3">
      <p>This browser is not logged in to the coordinator.</p>
      <p className="text-soft">
        Open the dashboard link that the coordinator printed when it started, make a token with <Code>udcs token create</Code>, or{' '}
        <Link prefetch={false} href="/login">
          enter a token
        </Link>
        .
      </p>
    </div>
  );
}
