// From anything thrown to what a person reads and the exit code a script tests.
import { type ErrorCode, errorTable, toUdcsError, UdcsError } from '@udcs/protocol';
import { CommanderError } from 'commander';
import { JobFailedError, UnmatchedError } from '../sdk/index.ts';
import { Interrupted } from './context.ts';
import type { Output } from './output.ts';

export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3, unauthorised: 4, unmatched: 5, interrupted: 130 } as const;

const USAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INVALID_INPUT',
  'NOT_YET',
  'TOO_LARGE',
  'UNKNOWN_ARTIFACT',
  'MODULE_INVALID',
  'KERNEL_COMPILE',
  'KERNEL_INVALID',
]);

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof Interrupted) return EXIT.interrupted;
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (thrown instanceof JobFailedError) return EXIT.failed;
  if (thrown instanceof UnmatchedError) return EXIT.unmatched;
  if (!(thrown instanceof UdcsError)) return EXIT.failed;
  if (USAGE.has(thrown.code)) return EXIT.usage;
  if (thrown.code === 'UNREACHABLE') return EXIT.unreachable;
  if (thrown.code === 'UNAUTHENTICATED' || thrown.code === 'FORBIDDEN') return EXIT.unauthorised;
  return thrown.code === 'UNMATCHED' ? EXIT.unmatched : EXIT.failed;
}

const NEXT_STEP: Partial<Record<ErrorCode, string>> = {
  UNAUTHENTICATED: 'give a token with --token or UDCS_TOKEN; make one with `udcs token create` where the coordinator runs',
  FORBIDDEN: 'ask an admin for a token with that scope: `udcs token create --scope …`',
  NOT_FOUND: '`udcs jobs` lists what is there',
};

/** One line, a hint when there is one, and a stack only with --debug. commander has written its own errors already. */
export function report(thrown: unknown, out: Output, debug: boolean): void {
  if (thrown instanceof CommanderError || thrown instanceof Interrupted) return;
  const error = toUdcsError(thrown);
  const hint = error.hint ?? NEXT_STEP[error.code];
  out.endProgress();
  out.event({ type: 'error', code: error.code, message: error.message, ...(hint === undefined ? {} : { hint }) });
  if (!out.json) {
    process.stderr.write(`udcs: ${oneLine(error.message)}\n`);
    if (hint !== undefined) process.stderr.write(`hint: ${oneLine(hint)}\n`);
    else if (error.code === 'INTERNAL' && !debug) process.stderr.write(`hint: ${errorTable.INTERNAL.means} --debug shows the stack\n`);
  }
  if (debug) process.stderr.write(`${error.cause instanceof Error ? (error.cause.stack ?? '') : (error.stack ?? '')}\n`);
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' · ');
