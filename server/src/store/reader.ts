// The reading side as the API sees it: every function of reads/ without its first parameter, answered by the reader thread within
// two seconds or not at all, so that no read keeps the write-ahead log from shrinking.
import { UdcsError } from '@udcs/protocol';
import type { FromReader } from './reader-thread.ts';
import type * as reads from './reads/index.ts';
import { startThread, ThreadCalls } from './start-thread.ts';

type Reads = typeof reads;
export type StoreReader = { readonly [K in keyof Reads]: (input: Parameters<Reads[K]>[1]) => ReturnType<Reads[K]> } & { close(): Promise<void> };

const READ_LIMIT_MS = 2_000;
/** Reads that wait beyond this are told to come back. */
const MAX_WAITING = 1_000;

/** Starting a thread does not count as reading. */
class ReaderCalls extends ThreadCalls<FromReader> {
  readonly ready: Promise<unknown> = this.call({ read: 'ready' });
}

/** @param path an existing database */
export function openReader(path: string, limitMs = READ_LIMIT_MS): StoreReader {
  let calls: ReaderCalls | null = null;
  const thread = (): ReaderCalls => {
    if (calls === null) {
      const opened: ReaderCalls = new ReaderCalls(startThread('reader-thread', { path }), () => {
        if (calls === opened) calls = null; // a reader holds nothing: the next read starts a new one
      });
      calls = opened;
    }
    return calls;
  };
  const ask = async (read: string, input: unknown): Promise<unknown> => {
    const current = thread();
    await current.ready;
    if (current.pending >= MAX_WAITING) throw new UdcsError('OVERLOADED', `${current.pending} reads are waiting`, { hint: 'try again in a moment' });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => {
          if (calls === current) calls = null;
          void current.end(); // ends when the statement returns; later reads have a thread of their own by then
          reject(new UdcsError('OVERLOADED', `the read took longer than ${limitMs} ms`, { hint: 'ask for less: a smaller page, or a narrower filter' }));
        },
        limitMs * (1 + current.pending),
      );
    });
    try {
      const reply = await Promise.race([current.call({ read, input }), late]);
      if ('error' in reply) throw new UdcsError('INTERNAL', `a read of the store failed: ${reply.error}`);
      return reply.answer;
    } finally {
      clearTimeout(timer);
    }
  };
  return new Proxy({} as StoreReader, {
    get: (_target, name) => {
      if (name === 'close') return async () => calls?.end();
      if (typeof name !== 'string' || name === 'then') return undefined;
      return (input: unknown) => ask(name, input);
    },
  });
}
