'use client';
import { toUdcsError, type UdcsError } from '@udcs/protocol';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState } from 'react';
import { logIn, logInWithToken } from '../../data/session.ts';
import { Code } from '../../ui/code.tsx';
import { Button, Failure } from '../../ui/panel.tsx';
import { Shell } from '../../ui/shell.tsx';

export default function LoginPage() {
  const router = useRouter();
  const [error, setError] = useState<UdcsError | null>(null);
  const [working, setWorking] = useState(false);
  const tried = useRef(false);

  const attempt = (trade: Promise<void>): void => {
    setWorking(true);
    trade.then(
      () => router.replace('/'),
      (failure: unknown) => {
        setError(toUdcsError(failure));
        setWorking(false);
      },
    );
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the link's code is traded once
  useEffect(() => {
    const code = window.location.hash.slice(1);
    if (code === '' || tried.current) return;
    tried.current = true; // React's strict mode runs effects twice, and the code works once
    window.history.replaceState(null, '', '/login');
    attempt(logIn(code));
  }, []);

  return (
    <Shell title="Log in">
      <div className="max-w-prose space-y-4">
        {working && <p role="status">Logging in…</p>}
        {error !== null && (
          <Failure message={error.message} hint={error.hint ?? 'A login link works once. The coordinator prints a fresh one when it starts.'} />
        )}
        <form
          className="space-y-3"
          onSubmit={(event) => {
            event.preventDefault();
            const token = new FormData(event.currentTarget).get('token');
            if (typeof token === 'string' && token !== '') attempt(logInWithToken(token.trim()));
          }}
        >
          <label className="block">
            <span className="mb-1 block text-soft">Token</span>
            <input name="token" type="password" autoComplete="off" className="w-full rounded-md border border-line bg-panel px-3 py-2 font-mono text-sm" />
          </label>
          <Button type="submit" disabled={working}>
            Log in
          </Button>
        </form>
        <p className="text-sm text-soft">
          Make a token with <Code>udcs token create NAME</Code>. It stays in this browser; the coordinator checks it on every call.
        </p>
      </div>
    </Shell>
  );
}
