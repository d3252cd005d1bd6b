// `npm test`: installs what the tests need (or says what it can not), builds, runs every suite, and judges the skips: a suite named in
// tests/required.json may not skip where the install script could run. Unit tests and the simulator run side by side; then, alone on the
// machine, what starts real processes. Ends with one line: N passed, N failed, N skipped.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { judge } from './required.mjs';

const RUNS = [
  { name: 'unit and simulation', projects: ['unit', 'sim'] },
  { name: 'real processes', projects: ['process'] },
];
const run = (command, args) => spawnSync(command, args, { stdio: 'inherit' }).status ?? 1;

const filters = process.argv.slice(2);
const installed = run('bash', ['scripts/install-system.sh']);
if (run('npm', ['run', '--silent', 'build']) !== 0) {
  console.error('npm test: the build failed, so nothing was tested');
  process.exit(1);
}

mkdirSync('out', { recursive: true });
let status = 0;
const testResults = [];
for (const { name, projects } of RUNS) {
  const report = `out/tests-${projects[0]}.json`;
  rmSync(report, { force: true });
  console.log(`\n${name}`);
  const args = ['vitest', 'run', ...projects.flatMap((project) => ['--project', project]), '--passWithNoTests', '--reporter=default', '--reporter=json'];
  status = Math.max(status, run('npx', [...args, `--outputFile=${report}`, ...filters]));
  if (existsSync(report)) testResults.push(...JSON.parse(readFileSync(report, 'utf8')).testResults);
  else status = 1;
}

const verdict = judge({ testResults }, JSON.parse(readFileSync('tests/required.json', 'utf8')), {
  root: process.cwd(),
  canInstall: installed !== 3,
  filtered: filters.length > 0,
});
for (const line of verdict.lines) console.log(line);
console.log(`${verdict.passed} passed, ${verdict.failed} failed, ${verdict.skipped} skipped`);
process.exit(status === 0 && verdict.failed === 0 && verdict.passed > 0 ? 0 : 1);
