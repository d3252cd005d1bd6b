// One job's tasks by state: in words, and as one bar.
import type { JobView } from '@udcs/protocol';
import { count, plural } from '../../data/format.ts';

const PARTS = [
  ['succeeded', 'succeeded', 'bg-good'],
  ['failed', 'failed', 'bg-bad'],
  ['canceled', 'canceled', 'bg-soft'],
  ['active', 'under way', 'bg-text/50'],
] as const;

function wordsFor(counts: JobView['counts']): string {
  const parts = PARTS.filter(([part]) => counts[part] > 0);
  if (parts.length === 0) return counts.total === 0 ? 'no tasks yet' : `${plural(counts.total, 'task')} waiting`;
  return parts.map(([part, word], at) => `${count(counts[part])}${at === 0 ? ` of ${count(counts.total)}` : ''} ${word}`).join(', ');
}

export function ProgressBar({ counts }: { counts: JobView['counts'] }) {
  return (
    <div className="min-w-40">
      <p className="text-sm leading-6 text-soft">{wordsFor(counts)}</p>
      <div className="mt-0.5 flex h-1.5 overflow-hidden rounded-full bg-line" aria-hidden>
        {PARTS.map(([part, , colour]) => (
          <span key={part} className={`settle ${colour}`} style={{ width: `${counts.total === 0 ? 0 : (100 * counts[part]) / counts.total}%` }} />
        ))}
      </div>
    </div>
  );
}
