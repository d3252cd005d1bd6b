import type { ReactNode } from 'react';

export function Panel({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="rounded-lg border border-line bg-panel p-5" aria-label={title}>
      <header className="mb-3 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2>{title}</h2>
        {aside !== undefined && <div className="text-sm text-soft">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** What to show where there is nothing: says so, and what to do. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className="max-w-prose py-3 text-soft">{children}</p>;
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="py-3 text-soft" role="status">
      Loading {what}…
    </p>
  );
}

export function Failure({ message, hint, again }: { message: string; hint?: string | undefined; again?: () => void }) {
  return (
    <div role="alert" className="rounded-md border border-bad/40 bg-bad/5 p-3">
      <p className="text-bad">{message}</p>
      {hint !== undefined && <p className="text-sm text-soft">{hint}</p>}
      {again !== undefined && (
        <Button onClick={again} quiet>
          Try again
        </Button>
      )}
    </div>
  );
}

interface ButtonProps {
  readonly children: ReactNode;
  readonly onClick?: () => void;
  readonly quiet?: boolean;
  readonly large?: boolean;
  readonly disabled?: boolean;
  readonly type?: 'button' | 'submit';
}

export function Button({ children, onClick, quiet = false, large = false, disabled = false, type = 'button' }: ButtonProps) {
  const size = large ? 'px-7 py-3.5 text-lg' : 'px-3.5 py-1.5 text-sm';
  const look = quiet ? 'border border-line bg-panel text-text hover:border-soft' : 'bg-text text-ground hover:opacity-85';
  return (
    <button
      type={type}
      onClick={onClick}
      disabled={disabled}
      className={`cursor-pointer rounded-md font-medium transition-opacity disabled:cursor-default disabled:opacity-50 ${size} ${look}`}
    >
      {children}
    </button>
  );
}
