'use client';
// Text to take elsewhere: shown whole, selected by a click, copied by a button where the browser lets a page copy.
import { useState } from 'react';
import { Button } from './panel.tsx';

export function CopyText({ label, text }: { label: string; text: string }) {
  const [outcome, setOutcome] = useState<'none' | 'copied' | 'refused'>('none');
  // A page that came over plain http from another machine has no clipboard.
  const copy = (): void => {
    const copied = navigator.clipboard === undefined ? Promise.reject(new Error('no clipboard')) : navigator.clipboard.writeText(text);
    copied.then(
      () => setOutcome('copied'),
      () => setOutcome('refused'),
    );
  };
  return (
    <div className="flex flex-wrap items-center gap-2">
      <input
        readOnly
        aria-label={label}
        value={text}
        onFocus={(event) => event.currentTarget.select()}
        className="min-w-0 grow basis-64 rounded-md border border-line bg-ground px-3 py-1.5 font-mono text-sm"
      />
      <Button quiet onClick={copy}>
        Copy
      </Button>
      <span role="status" className="text-sm text-soft">
        {outcome === 'copied' ? 'Copied.' : outcome === 'refused' ? 'This browser does not let the page copy: select the text and copy it.' : ''}
      </span>
    </div>
  );
}
