// A guard that does not bite is worse than none: each is run over a planted violation and must report it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

describe('boundaries', () => {
  const planted = join(import.meta.dirname, 'violations');
  const run = spawnSync(
    bin('depcruise'),
    ['--config', join(root, '.dependency-cruiser.cjs'), '--ts-config', join(root, 'tsconfig.base.json'), '--output-type', 'json', '.'],
    { cwd: planted, encoding: 'utf8' },
  );
  const { summary } = JSON.parse(run.stdout) as { summary: { violations: { rule: { name: string }; from: string }[] } };
  const found = summary.violations.map((violation) => `${violation.rule.name} ${violation.from}`);

  it.each([
    ['core-is-pure', 'server/src/core/impure.ts'],
    ['protocol-imports-only-its-neighbours', 'protocol/src/upward.ts'],
    ['app-takes-only-types-from-server', 'app/src/page.ts'],
    ['browser-half-has-no-node', 'browser-worker/src/disk.ts'],
    ['task-types-do-not-know-each-other', 'tasks/src/types/b/task.ts'],
    ['no-circular', 'client/src/one.ts'],
  ])('%s catches %s', (rule, from) => {
    expect(found).toContain(`${rule} ${from}`);
  });
});

describe('the core is pure', () => {
  it('the root configuration applies the rule to server/src/core', () => {
    const { overrides } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as { overrides: { includes: string[]; plugins?: string[] }[] };
    expect(overrides).toContainEqual({ includes: ['server/src/core/**'], plugins: ['./tests/guards/core-is-pure.grit'] });
  });

  const config = { root: true, plugins: [join(root, 'tests/guards/core-is-pure.grit')] };

  it.each(['Date.now()', 'Math.random()', 'performance.now()', 'setTimeout(() => {}, 1)', 'new Date()', 'crypto.randomUUID()'])(
    'the rule refuses %s',
    (call) => {
      const folder = mkdtempSync(join(tmpdir(), 'udcs-guard-'));
      writeFileSync(join(folder, 'biome.json'), JSON.stringify(config));
      writeFileSync(join(folder, 'planted.ts'), `export const planted = (): unknown => ${call};\n`);
      const run = spawnSync(bin('biome'), ['lint', '.'], { cwd: folder, encoding: 'utf8' });
      rmSync(folder, { recursive: true });
      expect(`${run.stdout}${run.stderr}`).toContain('The core is pure');
      expect(run.status).not.toBe(0);
    },
  );
});

describe('platform types', () => {
  it.each([
    ['protocol', 'export const timer = setTimeout(() => {}, 1);'],
    ['protocol', 'export const page = document.title;'],
    ['protocol', 'export const home = process.env;'],
  ])('a contract project (%s) does not compile %s', (room, source) => {
    const folder = mkdtempSync(join(tmpdir(), 'udcs-guard-'));
    writeFileSync(join(folder, 'planted.ts'), source);
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, room, 'tsconfig.json'),
        compilerOptions: { noEmit: true, composite: false, rootDir: folder, declarationMap: false },
        include: ['planted.ts'],
        references: [],
      }),
    );
    const run = spawnSync(bin('tsc'), ['-p', folder], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(run.stdout).toMatch(/TS(2304|2584|2591): Cannot find name/);
  });
});
