// The store's writer with a watch on it: how long each write took from its arrival to its commit.
import type { StoreWriter } from '../../store/index.ts';

export function timedWriter(writer: StoreWriter, onCommit: (seconds: number) => void): StoreWriter {
  const timed = async <T>(written: Promise<T>): Promise<T> => {
    const startedAtMs = performance.now();
    const answer = await written; // a failed write is no commit
    onCommit((performance.now() - startedAtMs) / 1000);
    return answer;
  };
  return {
    boot: () => writer.boot(),
    submit: (rows) => timed(writer.submit(rows)),
    cancel: (job, atMs) => timed(writer.cancel(job, atMs)),
    write: (facts) => timed(writer.write(facts)),
    reload: (jobs) => writer.reload(jobs),
    get backlog() {
      return writer.backlog;
    },
    close: () => writer.close(),
  };
}
