// Why it is not running: the verdict in one sentence, the nearest miss, and each worker's first reason. Same checks as the matching.
import type { ExplainView } from '@udcs/protocol';
import { plural } from '../../data/format.ts';
import { Empty, Panel } from '../../ui/panel.tsx';

export function ExplainPanel({ explain, again }: { explain: ExplainView; again: () => void }) {
  const refusals = explain.workers.filter((entry) => entry.reason !== null);
  return (
    <Panel
      title="Why it waits"
      aside={
        <button type="button" onClick={again} className="cursor-pointer underline underline-offset-4">
          ask again
        </button>
      }
    >
      <p className="max-w-prose">{explain.summary}</p>
      {explain.nearest !== null && (
        <p className="mt-2 max-w-prose">
          <strong className="font-semibold">Nearest miss:</strong> {explain.nearest.name}. {explain.nearest.suggestion}
        </p>
      )}
      {explain.tally.length > 0 && (
        <ul className="mt-3 space-y-1">
          {explain.tally.map((row) => (
            <li key={row.code} className="flex gap-3">
              <span className="w-28 shrink-0 text-soft">{plural(row.workers, 'worker')}</span>
              <span>{row.message}</span>
            </li>
          ))}
        </ul>
      )}
      {refusals.length === 0 ? (
        <Empty>No connected worker refuses it.</Empty>
      ) : (
        <details className="mt-3">
          <summary className="cursor-pointer text-soft">Each worker's first reason</summary>
          <ul className="mt-2 space-y-1.5">
            {refusals.map((entry) => (
              <li key={`${entry.worker} ${entry.variant}`}>
                <span className="font-medium">{entry.name}</span>: {entry.reason?.message}
                {entry.reason?.change !== null && entry.reason !== null && <span className="text-soft"> {entry.reason.change}</span>}
              </li>
            ))}
            {explain.workersNotShown > 0 && <li className="text-soft">and {plural(explain.workersNotShown, 'more worker')}</li>}
          </ul>
        </details>
      )}
    </Panel>
  );
}
