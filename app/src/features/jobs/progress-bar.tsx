// One job's tasks by state, as one bar; the same in words beside it.
import type { JobView } from '@udcs/protocol';
import { count } from '../../data/format.ts';

const PARTS = [
  ['succeeded', 'bg-good'],
  ['failed', 'bg-bad'],
  ['canceled', 'bg-soft'],
  ['active', 'bg-native/60'],
] as const;

export function ProgressBar({ counts }: { counts: JobView['counts'] }) {
  const words = PARTS.filter(([part]) => counts[part] > 0).map(([part]) => `${count(counts[part])} ${part}`);
  return (
    <div className="min-w-40">
      <div
        className="flex h-2 overflow-hidden rounded-full bg-line"
        role="img"
        aria-label={`${words.join(', ') || 'nothing yet'} of ${count(counts.total)} tasks`}
      >
        {PARTS.map(([part, colour]) => (
          <span key={part} className={`settle ${colour}`} style={{ width: `${counts.total === 0 ? 0 : (100 * counts[part]) / counts.total}%` }} />
        ))}
      </div>
      <p className="mt-1 text-xs text-soft">
        {words.join(', ') || 'waiting'} of {count(counts.total)}
      </p>
    </div>
  );
}
