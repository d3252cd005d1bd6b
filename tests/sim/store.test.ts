// The simulator is only as good as its disk: what simulated runs asked of it is asked again, in order, of the real store on a
// real file, and the answers must be the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BootSnapshot, JobSnapshot } from '../../server/src/core/seam.ts';
import { openConnection } from '../../server/src/store/connection.ts';
import { LibsqlCommitter } from '../../server/src/store/libsql-committer.ts';
import type { DiskEntry } from './disk.ts';
import { runSeed } from './world.ts';

const byText = (a: unknown, b: unknown): number => JSON.stringify(a).localeCompare(JSON.stringify(b));
/** The order of jobs, attempts and hosts is nobody's business; undefined fields are as good as absent. */
const plain = (job: JobSnapshot): unknown =>
  JSON.parse(
    JSON.stringify({
      ...job,
      tried: job.tried.map((tried) => ({ ...tried, hosts: [...tried.hosts].sort() })).sort(byText),
      open: [...job.open].sort(byText),
    }),
  );
const plainBoot = (boot: BootSnapshot): unknown => ({ epoch: boot.epoch, ended: boot.ended, jobs: boot.jobs.map(plain).sort(byText) });

describe('the simulated disk', () => {
  it.each([3, 29, 60, 138, 491, 900, 20_001, 20_002, 20_003, 20_004, 20_005, 20_006])('answers as libSQL does, all through seed %i', async (seed) => {
    const log: DiskEntry[] = [];
    await runSeed(seed, { diskLog: log });
    const folder = mkdtempSync(join(tmpdir(), 'udcs-sim-store-'));
    const committer = new LibsqlCommitter(await openConnection(join(folder, 'udcs.db')));
    try {
      for (const [step, entry] of log.entries()) {
        const at = `step ${step} of ${log.length}`;
        if (entry.type === 'boot') expect(plainBoot(await committer.boot()), at).toEqual(plainBoot(entry.answer));
        else if (entry.type === 'reload')
          expect((await committer.reload(entry.jobs)).map(plain).sort(byText), at).toEqual(entry.answer.map(plain).sort(byText));
        else {
          const answer = await committer.commit(entry.group);
          const positions = (facts: readonly unknown[]): number[] =>
            facts.map((fact) => (entry.group.facts as readonly unknown[]).indexOf(fact)).sort((a, b) => a - b);
          expect(positions(answer.refused), at).toEqual(positions(entry.answer.refused));
          expect(JSON.parse(JSON.stringify(answer.submits)), at).toEqual(JSON.parse(JSON.stringify(entry.answer.submits)));
          expect(answer.canceled, at).toEqual(entry.answer.canceled);
        }
      }
    } finally {
      await committer.close();
      rmSync(folder, { recursive: true, force: true });
    }
    expect(log.filter((entry) => entry.type === 'commit').length).toBeGreaterThan(5);
  });

  it('is asked for what is hard, too: refused facts, reloads, second starts', async () => {
    const log: DiskEntry[] = [];
    for (const seed of [3, 29, 900]) await runSeed(seed, { diskLog: log });
    expect(log.filter((entry) => entry.type === 'commit' && entry.answer.refused.length > 0)).not.toEqual([]);
    expect(log.filter((entry) => entry.type === 'reload')).not.toEqual([]);
    expect(log.filter((entry) => entry.type === 'boot').length).toBeGreaterThan(3);
  });
});
