// An explanation for people: the sentence, what fails how often, the nearest miss, and each worker's first reason.
import type { ExplainView } from '@udcs/protocol';
import type { Output } from './output.ts';
import { countText } from './words.ts';

const WORKERS_SHOWN = 20;

export function sayExplain(out: Output, explain: ExplainView): void {
  out.event({ type: 'explain', ...explain });
  out.say(`${out.paint('bold', explain.verdict)}: ${explain.summary}`);
  // The summary of a single worker says all there is.
  if (explain.workers.length + explain.workersNotShown <= 1) return;
  if (explain.tally.length > 1) {
    out.say();
    out.table(
      ['WORKERS', 'CHECK', 'REASON'],
      explain.tally.map((entry) => [String(entry.workers), entry.code, entry.message]),
    );
  }
  if (explain.nearest !== null && !explain.summary.includes(explain.nearest.suggestion)) {
    out.say();
    out.say(`nearest: ${explain.nearest.name}: ${explain.nearest.reason.message}`);
    out.say(`${out.paint('bold', 'to make it run')}: ${explain.nearest.suggestion}`);
  }
  out.say();
  const shown = explain.workers.slice(0, WORKERS_SHOWN);
  out.table(
    ['WORKER', 'KIND', 'VARIANT', 'FIRST REASON'],
    shown.map((worker) => [worker.name, worker.kind, String(worker.variant), worker.reason === null ? 'could take it' : worker.reason.message]),
  );
  const rest = explain.workersNotShown + explain.workers.length - shown.length;
  if (rest > 0) out.say(`… and ${countText(rest, 'worker')} more`);
}
