// Opens what schedules: store, artifacts and the loop around the core. What is durable is taken up again here.
import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Digest, TaskTypeName } from '@udcs/protocol';
import { taskTypes } from '@udcs/tasks';
import type { Logger } from 'pino';
import { timedWriter } from './api/adapters/timed-writer.ts';
import type { CoordinatorOptions } from './api/command-line.ts';
import { createCommitTimes } from './api/http/metrics.ts';
import { ArtifactBytes, EntryFiles, FileArtifactStore } from './artifacts/index.ts';
import { Coordinator, type Grants, hmacGrants, type Timers } from './shell/index.ts';
import { openStore, type Store } from './store/index.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const clock = { monoMs: () => performance.now(), wallMs: () => Date.now() };
export const timers: Timers = {
  wakeAt(monoMs, fn) {
    const timer = setTimeout(fn, Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil(monoMs - performance.now()))));
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (fn) => void setImmediate(fn),
};

export interface RunningGrid {
  readonly store: Store;
  readonly bytes: ArtifactBytes;
  readonly entries: EntryFiles;
  readonly grants: Grants;
  readonly commits: ReturnType<typeof createCommitTimes>;
  readonly coordinator: Coordinator;
  /** After a drain only the reading side is still open. */
  close(): Promise<void>;
}

/** Store and scheduling loop: what is durable is taken up again. */
export async function openGrid(options: CoordinatorOptions, log: Logger, onFatal: (error: Error) => void): Promise<RunningGrid> {
  const store = await openStore({ dataDir: options.dataDir, onFatal });
  const bytes = new ArtifactBytes({ store: await FileArtifactStore.open(join(options.dataDir, 'artifacts')), catalog: store.artifacts, wallMs: clock.wallMs });
  const entries = new EntryFiles(bytes);
  const commits = createCommitTimes();
  const grants = hmacGrants(Buffer.from(await store.access.settingOrNew('grant-key', () => randomBytes(32).toString('base64url')), 'base64url'));
  const coordinator = new Coordinator({
    clock,
    timers,
    writer: timedWriter(store.writer, (seconds) => commits.observe(seconds)),
    grants,
    entries: { read: (digest, indexes) => entries.read(digest as Digest, indexes) },
    types: (name: TaskTypeName) => taskTypes[name],
    journal: journalOf(log),
    seed: randomInt(2 ** 31),
    onFatal,
  });
  await coordinator.boot();
  const close = async (): Promise<void> => {
    await coordinator.stop();
    await store.reader.close();
  };
  return { store, bytes, entries, grants, commits, coordinator, close };
}

export const journalOf = (log: Logger) => ({
  note: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => log[level]({ ...facts }, message),
});
