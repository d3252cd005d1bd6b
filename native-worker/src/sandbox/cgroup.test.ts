// Control groups of this machine, for real; listed as skipped where none can be made.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ControlGroups } from './cgroup.ts';

const groups = ControlGroups.probe();
if (groups === null) process.stderr.write('skipped: control groups (none can be made or limited here)\n');

describe.skipIf(groups === null)('a control group', () => {
  test('bounds what joins it, counts the refusals, kills and vanishes', async () => {
    const group = groups?.create() ?? expect.fail('no groups');
    group.setLimits({ memoryBytes: 64 * 1024 * 1024, processes: 4, cpus: 0.5 });
    const join = group.procsFiles.map((file) => `echo $$ > ${file}`).join(' && ');
    // Each try of the loop leaves a sleeper behind; the fifth process is refused.
    const child = spawn('/bin/sh', ['-c', `${join} || exit 1; for i in 1 2 3 4 5 6; do sleep 60 & done; wait`], { stdio: 'ignore' });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const untilMs = performance.now() + 5_000;
    while (group.usage().processRefusals === 0 && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(group.usage().processRefusals).toBeGreaterThan(0);
    group.kill();
    await exited;
    await group.remove();
    expect(group.procsFiles.filter((file) => existsSync(file))).toEqual([]);
  });

  test('two workers in one process do not take each other’s names', () => {
    const other = ControlGroups.probe() ?? expect.fail('no groups');
    const [first, second] = [groups?.create(), other.create()];
    expect(first?.procsFiles).not.toEqual(second.procsFiles);
    void first?.remove();
    void second.remove();
  });

  test('limits move both ways', async () => {
    const group = groups?.create() ?? expect.fail('no groups');
    for (const memoryBytes of [64, 512, 32, 1_024]) group.setLimits({ memoryBytes: memoryBytes * 1024 * 1024, processes: 8, cpus: null });
    expect(group.usage()).toMatchObject({ memoryKills: 0, processRefusals: 0 });
    await group.remove();
  });
});
