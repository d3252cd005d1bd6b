'use client';
import { useEffect, useRef } from 'react';
import { Empty } from '../../ui/panel.tsx';
import type { LogLine } from './fold-events.ts';

const COLOURS = { stdout: 'text-text', stderr: 'text-bad', udcs: 'text-soft' };

/** The last lines of all running tasks, following the end unless the reader has scrolled up. */
export function LogTail({ lines }: { lines: readonly LogLine[] }) {
  const box = useRef<HTMLPreElement>(null);
  const last = lines.at(-1)?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new last line is what makes it follow
  useEffect(() => {
    const element = box.current;
    if (element !== null && element.scrollHeight - element.scrollTop - element.clientHeight < 80) element.scrollTop = element.scrollHeight;
  }, [last]);
  if (lines.length === 0) return <Empty>Nothing has been written since this page was opened. Lines of running tasks appear here as they are written.</Empty>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <pre ref={box} tabIndex={0} role="log" aria-label="Log" className="max-h-72 overflow-auto rounded-md bg-ground p-3 font-mono text-[13px] leading-5">
      {lines.map((line) => (
        <div key={line.id} className={COLOURS[line.stream]}>
          <span className="select-none pr-3 text-soft">{line.task.slice(line.task.indexOf('.') + 1)}</span>
          {line.text}
        </div>
      ))}
    </pre>
  );
}
