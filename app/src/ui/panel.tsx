// The pieces every screen is made of: panels, and what stands in them while there is nothing, not yet, or not at all.
import type { ReactNode } from 'react';

export function Panel({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="min-w-0 rounded-lg border border-line bg-panel p-4 sm:p-5" aria-label={title}>
      <header className="mb-4 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2>{title}</h2>
        {aside !== undefined && <div className="text-sm text-soft">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** Messages come as phrases; on a page they are sentences. */
const sentence = (phrase: string): string => `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}${/[.!?]$/.test(phrase) ? '' : '.'}`;

/** What to show where there is nothing: says so, and what to do. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className="max-w-prose text-soft">{children}</p>;
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="text-soft" role="status">
      Loading {what}…
    </p>
  );
}

export function Failure({ message, hint, again }: { message: string; hint?: string | undefined; again?: () => void }) {
  return (
    <div role="alert" className="rounded-md border border-bad/40 bg-bad/5 p-3">
      <p className="break-words text-bad">{sentence(message)}</p>
      {hint !== undefined && <p className="text-sm break-words text-soft">{sentence(hint)}</p>}
      {again !== undefined && (
        <div className="mt-2">
          <Button onClick={again} quiet>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

interface ButtonProps {
  readonly children: ReactNode;
  readonly onClick?: () => void;
  readonly quiet?: boolean;
  readonly disabled?: boolean;
  readonly type?: 'button' | 'submit';
}

export function Button({ children, onClick, quiet = false, disabled = false, type = 'button' }: ButtonProps) {
  const look = quiet ? 'border border-line bg-panel text-text hover:border-soft' : 'bg-text text-ground hover:opacity-85';
  return (
    <button
      type={type}
      onClick={onClick}
      disabled={disabled}
      className={`cursor-pointer rounded-md px-3.5 py-1.5 text-sm font-medium motion-safe:transition-opacity disabled:cursor-default disabled:opacity-50 ${look}`}
    >
      {children}
    </button>
  );
}
