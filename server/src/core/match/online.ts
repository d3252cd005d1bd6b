// Is the worker here, and taking work?
import { type LiveChecker, refuse } from './checker.ts';

export const checkOnline: LiveChecker = (_need, worker) => {
  if (worker.state === 'online') return null;
  return refuse(
    'NOT_ONLINE',
    worker.state === 'draining' ? 'it finishes what it holds and takes nothing new' : 'it has not been heard of lately',
    'Wait until it is back',
  );
};

export const checkPaused: LiveChecker = (_need, worker) => (worker.load.throttle > 0 ? null : refuse('PAUSED', 'its owner paused it', 'Resume it'));
