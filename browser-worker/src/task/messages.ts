// The messages between the control Worker and a task Worker: fixed shapes, checked on arrival. No comlink here: a proxy would
// expose whatever property path a compromised task asks for.
import { type Attributes, type BlobRef, type Digest, type ErrorCode, isDigest, isErrorCode } from '@udcs/protocol';
import type { ExecutorResult, ExecutorTask } from '@udcs/tasks/kit';

export type ToTask =
  | {
      readonly kind: 'run';
      readonly type: string;
      readonly task: ExecutorTask<unknown>;
      /** Artifacts the spec names (a module): kept by this Worker for the next attempt of the same code. */
      readonly code: readonly Digest[];
      readonly attributes: Attributes;
      /** 0..1; below 1 the host sleeps between GPU submits. */
      readonly gpuShare: number;
    }
  /** Load the executor ahead of time. */
  | { readonly kind: 'prepare'; readonly type: string }
  | { readonly kind: 'check'; readonly type: string; readonly attributes: Attributes }
  | { readonly kind: 'measure'; readonly gpu: boolean }
  | { readonly kind: 'bytes'; readonly request: number; readonly bytes: Uint8Array }
  | { readonly kind: 'stored'; readonly request: number; readonly ref: BlobRef }
  | { readonly kind: 'refused'; readonly request: number; readonly code: ErrorCode; readonly message: string };

export type FromTask =
  | { readonly kind: 'ready' }
  | { readonly kind: 'read'; readonly request: number; readonly digest: Digest }
  | { readonly kind: 'put'; readonly request: number; readonly name: string; readonly bytes: Uint8Array }
  /** `tail` = held back until the end of the attempt; belongs to its log, not to the live stream. */
  | { readonly kind: 'log'; readonly stream: 'stdout' | 'stderr' | 'udcs'; readonly bytes: Uint8Array; readonly tail: boolean }
  | { readonly kind: 'progress'; readonly fraction: number; readonly note: string | null }
  | { readonly kind: 'done'; readonly result: ExecutorResult; readonly deviceLost: boolean }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly deviceLost: boolean;
    }
  | { readonly kind: 'checked'; readonly type: string; readonly problem: string | null }
  | { readonly kind: 'measured'; readonly speeds: Readonly<Record<string, number>> };

const isText = (value: unknown, atMost = 10_000): value is string => typeof value === 'string' && value.length <= atMost;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Whether `value` is a message a task Worker may send. Anything else ends that Worker. */
export function isFromTask(value: unknown): value is FromTask {
  if (!isRecord(value)) return false;
  switch (value['kind']) {
    case 'ready':
      return true;
    case 'read':
      return isCount(value['request']) && isDigest(value['digest']);
    case 'put':
      return isCount(value['request']) && isText(value['name'], 200) && value['bytes'] instanceof Uint8Array;
    case 'log':
      return (
        (value['stream'] === 'stdout' || value['stream'] === 'stderr' || value['stream'] === 'udcs') &&
        value['bytes'] instanceof Uint8Array &&
        typeof value['tail'] === 'boolean'
      );
    case 'progress':
      return (
        typeof value['fraction'] === 'number' && value['fraction'] >= 0 && value['fraction'] <= 1 && (value['note'] === null || isText(value['note'], 200))
      );
    case 'done':
      return isRecord(value['result']) && typeof value['deviceLost'] === 'boolean';
    case 'failed':
      return (
        isErrorCode(value['code']) &&
        isText(value['message'], 4_000) &&
        (value['exitCode'] === null || Number.isSafeInteger(value['exitCode'])) &&
        (value['signal'] === null || isText(value['signal'], 200)) &&
        typeof value['deviceLost'] === 'boolean'
      );
    case 'checked':
      return isText(value['type']) && (value['problem'] === null || isText(value['problem'], 4_000));
    case 'measured':
      return isRecord(value['speeds']) && Object.values(value['speeds']).every((speed) => typeof speed === 'number' && speed >= 0);
    default:
      return false;
  }
}
