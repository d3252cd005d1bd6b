// A skip of a required suite is a failure where the install script could run. Proved with a real run: Chromium hidden, the run is red.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judge } from '../../scripts/required.mjs';

const root = join(import.meta.dirname, '..', '..');
const suite = (name: string, statuses: string[]) => ({
  name: join(root, name),
  status: 'passed',
  assertionResults: statuses.map((status, at) => ({ fullName: `test ${at}`, status, meta: {} })),
});
const required = [{ file: 'tests/a.test.ts', why: 'a reason' }];
const where = { root, canInstall: true, filtered: false };

describe('the judge', () => {
  it('counts what passed, failed and skipped', () => {
    expect(
      judge({ testResults: [suite('tests/b.test.ts', ['passed', 'failed', 'skipped']), suite('tests/a.test.ts', ['passed'])] }, required, where),
    ).toMatchObject({ passed: 2, failed: 1, skipped: 1 });
  });

  it('fails a required suite that skips', () => {
    expect(judge({ testResults: [suite('tests/a.test.ts', ['passed', 'skipped'])] }, required, where).failed).toBe(1);
  });

  it('fails a required suite that is absent', () => {
    expect(judge({ testResults: [suite('tests/b.test.ts', ['passed'])] }, required, where).failed).toBe(1);
  });

  it('lets it skip where nothing can be installed, and says so', () => {
    const verdict = judge({ testResults: [suite('tests/a.test.ts', ['skipped'])] }, required, { ...where, canInstall: false });
    expect(verdict).toMatchObject({ failed: 0, skipped: 1 });
    expect(verdict.lines).toEqual(['skipped: tests/a.test.ts › test 0']);
  });
});

it('with Chromium hidden, the run of a required suite is red', () => {
  const folder = mkdtempSync(join(tmpdir(), 'udcs-required-'));
  const report = join(folder, 'report.json');
  spawnSync(
    join(root, 'node_modules/.bin/vitest'),
    ['run', '--project', 'unit', '--reporter=json', `--outputFile=${report}`, 'tests/guards/chromium-is-here.test.ts'],
    {
      cwd: root,
      env: { ...process.env, UDCS_CHROMIUM: '/nowhere/chromium' },
    },
  );
  const run = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(folder, { recursive: true });
  const verdict = judge(run, [{ file: 'tests/guards/chromium-is-here.test.ts', why: 'a tab is one of the two kinds of worker' }], { ...where, filtered: true });
  expect(verdict.failed).toBe(1);
  expect(verdict.lines.join('\n')).toContain('no Chromium is installed');
});
