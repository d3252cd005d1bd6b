// The writing connection as seen from the shell's thread: batches go to the writer thread and come back.
import { CommitError } from './committer.ts';
import type { SqlTransport } from './libsql-committer.ts';
import { startThread, ThreadCalls } from './start-thread.ts';
import type { FromWriter } from './writer-thread.ts';

/** @param onGone the writer thread died: nothing can be written any more */
export async function openThreadTransport(path: string, onGone: (error: Error) => void): Promise<SqlTransport> {
  const calls = new ThreadCalls<FromWriter>(startThread('writer-thread', { path }), onGone);
  const ask = async (message: Record<string, unknown>) => {
    const reply = await calls.call(message).catch((thrown: unknown) => {
      throw new CommitError('fatal', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
    });
    if ('failure' in reply) throw new CommitError(reply.failure, reply.message);
    return reply.results;
  };
  try {
    await ask({ batch: [] });
  } catch (thrown) {
    await calls.end();
    throw thrown;
  }
  return {
    batch: (statements) => ask({ batch: statements }),
    close: async () => {
      calls.expectEnd();
      await ask({ close: true });
      await calls.end();
    },
  };
}
