'use client';
// Where a join link leads when somebody opens it in a browser: it is meant for the command line.
import { useEffect, useState } from 'react';
import { Code } from '../../ui/code.tsx';
import { CopyText } from '../../ui/copy-text.tsx';
import { Shell } from '../../ui/shell.tsx';

export default function JoinPage() {
  const [link, setLink] = useState<string | null>(null);
  useEffect(() => setLink(window.location.href), []);
  return (
    <Shell title="Join with this machine">
      <div className="max-w-prose space-y-4">
        <p>This link joins a machine as a native worker. Run this on it, in a terminal:</p>
        {link !== null && <CopyText label="Command" text={`udcs worker '${link}'`} />}
        <p className="text-sm text-soft">
          It shows what it found and what it will accept before it starts, and ends with Ctrl-C. To lend a browser tab instead, ask for a donate link (
          <Code>udcs invite --donate</Code>).
        </p>
      </div>
    </Shell>
  );
}
