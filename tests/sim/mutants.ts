// Proves that the simulator would notice: each patch in mutants/ puts one known bug into a copy of the production files, and
// the same seeds that the clean files pass must break there. A patch that no longer applies is a failure too.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const PATCHES = join(import.meta.dirname, 'mutants');
/** The clean files pass this many; a mutant must not. */
export const MUTANT_SEEDS = 2_000;
/** A mutant that has not broken anything by then has survived. */
const TIME_LIMIT_MS = 8 * 60_000;

export interface Verdict {
  readonly name: string;
  readonly caught: boolean;
  /** Seed and broken promise, or why it was not caught. */
  readonly how: string;
}

export const mutantNames = (): string[] =>
  readdirSync(PATCHES)
    .filter((file) => file.endsWith('.patch'))
    .map((file) => basename(file, '.patch'))
    .sort();

export async function runMutants(say: (line: string) => void): Promise<boolean> {
  let all = true;
  for (const name of mutantNames()) {
    const verdict = runMutant(name);
    say(`${verdict.caught ? 'caught' : 'SURVIVED'}  ${name}: ${verdict.how}`);
    all &&= verdict.caught;
  }
  return all;
}

export function runMutant(name: string): Verdict {
  const folder = mkdtempSync(join(tmpdir(), 'udcs-mutant-'));
  try {
    copyFiles(folder);
    try {
      execFileSync('git', ['apply', '--whitespace=nowarn', join(PATCHES, `${name}.patch`)], {
        cwd: folder,
        stdio: 'pipe',
        env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() },
      });
    } catch (thrown) {
      return { name, caught: false, how: `its patch no longer applies: ${thrown instanceof Error ? thrown.message.trim() : String(thrown)}` };
    }
    return judge(name, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function copyFiles(folder: string): void {
  for (const part of ['server/src', 'server/package.json', 'tests/sim', 'tests/package.json', 'package.json']) {
    mkdirSync(join(folder, part, '..'), { recursive: true });
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
}

function judge(name: string, folder: string): Verdict {
  const run = spawnSync(
    process.execPath,
    ['--conditions=udcs-source', '--import', import.meta.resolve('tsx'), join(folder, 'tests/sim/run.ts'), '--seeds', String(MUTANT_SEEDS), '--stop-at-first'],
    { cwd: folder, encoding: 'utf8', timeout: TIME_LIMIT_MS, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const found = /^seed (\d+) fails: (.*)$/m.exec(run.stdout);
  if (found !== null)
    return {
      name,
      caught: true,
      how: `seed ${found[1]}: ${found[2]?.replace(/^the coordinator does not break by itself: fatal: Violation: /, '').slice(0, 160)}`,
    };
  return {
    name,
    caught: false,
    how: `${MUTANT_SEEDS} seeds found nothing${run.status === 0 ? '' : ` (exit ${run.status}: ${run.stderr.trim().split('\n').slice(-3).join(' ')})`}`,
  };
}
