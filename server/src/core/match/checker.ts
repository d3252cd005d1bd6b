// What a checker is. Static checkers look at what never changes between two capability frames and decide which classes a bucket
// of workers may run; live ones look at one worker now, when a task is placed. explain() asks the very same ones.
import type { Capabilities, Reason } from '@udcs/protocol';
import type { Need, Worker } from '../model.ts';

export interface StaticSubject {
  readonly kind: 'browser' | 'native';
  readonly capabilities: Capabilities;
  /** Whether the job's owner is the worker's owner. */
  readonly trusted: boolean;
}

export type StaticChecker = (need: Need, subject: StaticSubject) => Reason | null;
export type LiveChecker = (need: Need, worker: Worker) => Reason | null;

export const refuse = (code: Reason['code'], message: string, change: string | null = null, missingBy: number | null = null): Reason => ({
  code,
  message,
  change,
  missingBy,
});

/** 1500000000 → "1.5 GB". */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Math.floor(value * 100) / 100} ${units[unit]}`;
}
