'use client';
// Log lines: live ones of running tasks, and the stored log of a task that has ended.
import type { BlobRef } from '@udcs/protocol';
import { type ReactNode, useEffect, useRef } from 'react';
import { bytes } from '../../data/format.ts';
import { readBlob } from '../../data/save-file.ts';
import { useQuery } from '../../data/use-query.ts';
import { Failure, Loading } from '../../ui/panel.tsx';
import { SaveButton } from '../artifacts/save-button.tsx';
import type { LogLine } from './fold-events.ts';

const COLOURS = { stdout: 'text-text', stderr: 'text-bad', udcs: 'text-soft' };
/** A longer log is for an editor. */
const READ_BYTES = 4_000_000;
const SHOWN_CHARACTERS = 60_000;
const NEAR_END_PX = 40;

/** Follows its end until the reader scrolls up, and again once they are back at the end. */
function Tail({ label, last, children }: { label: string; last: unknown; children: ReactNode }) {
  const box = useRef<HTMLPreElement>(null);
  const following = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new last line is what makes it follow
  useEffect(() => {
    const element = box.current;
    if (element !== null && following.current) element.scrollTop = element.scrollHeight;
  }, [last]);
  return (
    <pre
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
      tabIndex={0}
      role="log"
      aria-label={label}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        following.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
      }}
      className="max-h-72 overflow-auto rounded-md bg-ground p-3 font-mono text-[13px] leading-5"
    >
      {children}
    </pre>
  );
}

export function LogTail({ lines }: { lines: readonly LogLine[] }) {
  return (
    <Tail label="Log" last={lines.at(-1)?.id}>
      {lines.map((line) => (
        <div key={line.id} className={COLOURS[line.stream]}>
          <span className="pr-3 text-soft select-none">{line.task.slice(line.task.indexOf('.') + 1)}</span>
          {line.stream === 'stderr' && <span className="sr-only">stderr: </span>}
          {line.text}
        </div>
      ))}
    </Tail>
  );
}

export function StoredLog({ name, blob }: { name: string; blob: BlobRef }) {
  const save = <SaveButton name="Whole log" fileName={`${name}.log`} blob={blob} />;
  if (blob.sizeBytes === 0) return <p className="text-sm text-soft">The log is empty.</p>;
  if (blob.sizeBytes > READ_BYTES)
    return (
      <p className="text-sm text-soft">
        {bytes(blob.sizeBytes)} of log are too long to show here. {save}
      </p>
    );
  return <ShortLog name={name} blob={blob} save={save} />;
}

function ShortLog({ name, blob, save }: { name: string; blob: BlobRef; save: ReactNode }) {
  const query = useQuery(`log ${blob.digest}`, async (_grid, signal) => new TextDecoder().decode(await readBlob(blob, signal)));
  if (query.error !== null) return <Failure message={query.error.message} hint={query.error.hint} again={query.again} />;
  if (query.value === null) return <Loading what="the log" />;
  const cut = query.value.length > SHOWN_CHARACTERS;
  return (
    <div className="space-y-2 text-sm">
      <Tail label={`Log of ${name}`} last={blob.digest}>
        {cut ? query.value.slice(-SHOWN_CHARACTERS) : query.value}
      </Tail>
      {cut && <span className="mr-4 text-soft">The end of it.</span>}
      {save}
    </div>
  );
}
