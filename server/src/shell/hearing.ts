// From what a worker says to what the core is told. Log lines and progress notes turn off here: they go to subscribers, and the
// core never sees them.
import type { AttemptRef, FromWorker, WorkerId } from '@udcs/protocol';
import type { CoreEvent } from '../core/seam.ts';
import type { LiveFeed } from './live-feed.ts';

type Said = Exclude<FromWorker, { type: 'hello' }>;

/**
 * @param isOpen whether the attempt is open and that worker's; nobody else's lines are shown
 * @returns null when nothing is left to tell the core
 */
export function eventOf(worker: WorkerId, message: Said, live: LiveFeed, isOpen: (ref: AttemptRef) => boolean): CoreEvent | null {
  switch (message.type) {
    case 'renew':
      return renewed(worker, message, live, isOpen);
    case 'capabilities':
      return { type: 'worker.capabilities', worker, capabilities: message.capabilities };
    case 'cache':
      return { type: 'worker.cached', worker, added: message.added, dropped: message.dropped };
    case 'intent':
      return { type: 'worker.intent', worker, intent: message.intent };
    case 'report':
      return reported(worker, message, live, isOpen);
  }
}

function renewed(worker: WorkerId, message: Extract<Said, { type: 'renew' }>, live: LiveFeed, isOpen: (ref: AttemptRef) => boolean): CoreEvent {
  const attempts = message.attempts.map(({ progress, note, ...ref }) => {
    if ((progress !== null || note !== undefined) && isOpen(ref)) live.progress(ref, worker, progress, note);
    return { ref, progress };
  });
  return { type: 'worker.renewed', worker, load: message.load, attempts };
}

function reported(worker: WorkerId, message: Extract<Said, { type: 'report' }>, live: LiveFeed, isOpen: (ref: AttemptRef) => boolean): CoreEvent | null {
  const { type: _type, log, ...report } = message;
  for (const { stream, text, ...ref } of log ?? []) if (isOpen(ref)) live.log(ref, stream, text);
  const says = Object.values(report).some((records) => records !== undefined && records.length > 0);
  // An empty report is still a sign of life.
  return says || (log ?? []).length > 0 ? { type: 'worker.reported', worker, report } : null;
}
