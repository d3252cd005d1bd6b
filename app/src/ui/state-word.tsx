// States as words with a mark: colour is never the only carrier. Blue and clay stand for kinds of workers, so no state wears them.
import { Ban, Check, Circle, CircleDashed, CircleDot, Clock, Hourglass, X } from 'lucide-react';

const LOOKS = {
  queued: [Clock, 'text-wait'],
  blocked: [Hourglass, 'text-wait'],
  ready: [Clock, 'text-wait'],
  running: [CircleDot, 'text-text'],
  active: [CircleDot, 'text-text'],
  offered: [CircleDashed, 'text-soft'],
  verifying: [CircleDot, 'text-text'],
  succeeded: [Check, 'text-good'],
  failed: [X, 'text-bad'],
  lost: [X, 'text-bad'],
  rejected: [Ban, 'text-wait'],
  canceled: [Ban, 'text-soft'],
  superseded: [Circle, 'text-soft'],
  online: [Check, 'text-good'],
  suspect: [Hourglass, 'text-wait'],
  draining: [Hourglass, 'text-wait'],
  gone: [Circle, 'text-soft'],
} as const;

export type StateName = keyof typeof LOOKS;

export function StateWord({ state }: { state: StateName }) {
  const [Mark, colour] = LOOKS[state];
  return (
    <span className={`inline-flex items-baseline gap-1.5 whitespace-nowrap ${colour}`}>
      <Mark size={14} className="self-center" aria-hidden />
      {state}
    </span>
  );
}
