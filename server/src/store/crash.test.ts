// Killed in the middle of its load, again and again: whatever was acknowledged is there, each task once, the epoch always higher.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openStore } from './open-store.ts';

const ACKS = [40, 200, 90];

async function killAfter(dataDir: string, acknowledgements: number, said: Map<string, Set<string>>): Promise<void> {
  const entry = fileURLToPath(new URL('./crash-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=udcs-source', entry, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [word = '', value = ''] = line.split(' ');
    said.get(word)?.add(value);
    heard += 1;
    // Lines that were on their way when it died count too: they were acknowledged.
    if (heard === acknowledgements) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
}

test('kill -9 in the middle of the load loses nothing that was acknowledged', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'udcs-crash-'));
  const said = new Map([
    ['epoch', new Set<string>()],
    ['submitted', new Set<string>()],
    ['settled', new Set<string>()],
  ]);
  for (const acknowledgements of ACKS) await killAfter(dataDir, acknowledgements, said);
  const store = await openStore({
    dataDir,
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    expect([...(said.get('epoch') ?? [])]).toEqual(['1', '2', '3']);
    const { epoch, jobs } = await store.writer.boot();
    expect(epoch).toBe(4);
    const submitted = [...(said.get('submitted') ?? [])];
    const settledIds = [...(said.get('settled') ?? [])];
    expect(settledIds.length).toBeGreaterThan(ACKS.length * 10);
    const found = await store.reader.getJobs({ owner: null, ids: submitted });
    expect(found.map((job) => job.id)).toEqual(submitted);
    const states = new Map(found.map((job) => [job.id, job.state]));
    expect(settledIds.filter((id) => states.get(id) !== 'succeeded')).toEqual([]);
    for (const id of settledIds.slice(-20))
      expect((await store.reader.listTasks({ job: id, limit: 5 })).items).toMatchObject([{ index: 0, state: 'succeeded' }]);
    // A job that is open has no counted end, whether or not its task made it: never half a group.
    for (const { job, settled: ranges } of jobs) expect([job.id, ranges.length]).toEqual([job.id, 0]);
  } finally {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
