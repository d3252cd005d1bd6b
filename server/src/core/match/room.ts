// Has the worker a free slot and enough of every resource left next to what it runs?
import { usesFit } from '../ledger.ts';
import { type LiveChecker, refuse } from './checker.ts';

export const checkRoom: LiveChecker = (need, worker) => {
  const { slots } = worker.introduction.capabilities.pools;
  if (worker.used.slots >= worker.effectiveSlots) {
    const share = worker.effectiveSlots < slots ? ` (${worker.effectiveSlots} of ${slots} slots at its present load)` : '';
    return refuse('BUSY', `all its slots are busy${share}`, 'Wait until a task ends, or connect more workers');
  }
  return usesFit(worker, need)
    ? null
    : refuse('BUSY', 'what it runs leaves too little CPU, memory, disk or GPU for this', 'Wait until a task ends, or connect more workers');
};
