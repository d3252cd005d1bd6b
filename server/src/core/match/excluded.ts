// Has this task already failed or been lost on the worker's machine while another machine could run it?
import type { HostId } from '@udcs/protocol';
import type { Worker } from '../model.ts';
import { refuse } from './checker.ts';

export const checkExcluded = (hosts: readonly HostId[], fallback: boolean, worker: Worker): ReturnType<typeof refuse> | null =>
  !fallback && hosts.includes(worker.host)
    ? refuse('EXCLUDED', 'the task failed or was lost there before, and another machine can run it', 'Wait for the other machine')
    : null;
