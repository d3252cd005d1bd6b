// The one sentence of a donation's state, for a person.
import type { DonationState, PauseReason } from '../page/state.ts';

const PAUSED: Readonly<Record<PauseReason, string>> = {
  you: 'Paused. Nothing runs and nothing is held.',
  frozen: 'Paused, because the browser put this tab to sleep.',
  battery: 'Paused, because this computer runs on battery.',
  hours: 'Paused until the hours you chose.',
  data: "Paused until tomorrow: today's data limit is used up.",
};

export interface SentenceFacts extends DonationState {
  readonly lastTask: { readonly sentence: string; readonly agoMs: number } | null;
}

export function sentenceFor(state: SentenceFacts): string {
  switch (state.phase) {
    case 'idle':
      return state.sentence;
    case 'joining':
      return 'Checking what this browser can do, and joining.';
    case 'working':
      return workingSentence(state);
    case 'paused':
      return PAUSED[state.pausedBy ?? 'you'];
    case 'offline':
      return 'The coordinator can not be reached. This tab tries again by itself and keeps its results.';
    case 'refused':
      return state.error?.message ?? 'The coordinator did not accept this tab.';
    case 'left':
      return 'You have left. Nothing runs any more.';
  }
}

/** A sentence about what ended less than this ago stands: ten tasks a second would make the line flicker. */
const LINGER_MS = 2_000;

function workingSentence({ tasks, lastTask }: SentenceFacts): string {
  const first = tasks[0];
  if (first !== undefined) return tasks.length === 1 ? first.sentence : `${first.sentence} (${tasks.length} tasks at a time)`;
  return lastTask !== null && lastTask.agoMs < LINGER_MS ? lastTask.sentence : 'Ready. Waiting for a task that fits this computer.';
}
