// `npm test`: installs what the tests need (or says what it can not), builds, runs every suite, and judges the skips: a suite named in
// tests/required.json may not skip where the install script could run. Ends with one line: N passed, N failed, N skipped.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { judge } from './required.mjs';

const REPORT = 'out/tests.json';
const run = (command, args, options = {}) => spawnSync(command, args, { stdio: 'inherit', ...options }).status ?? 1;

const installed = run('bash', ['scripts/install-system.sh']);
if (run('npm', ['run', '--silent', 'build']) !== 0) {
  console.error('npm test: the build failed, so nothing was tested');
  process.exit(1);
}
mkdirSync('out', { recursive: true });
rmSync(REPORT, { force: true });
const status = run('npx', ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile=${REPORT}`, ...process.argv.slice(2)]);
if (!existsSync(REPORT)) {
  console.error('npm test: the test runner wrote no report');
  process.exit(1);
}
const verdict = judge(JSON.parse(readFileSync(REPORT, 'utf8')), JSON.parse(readFileSync('tests/required.json', 'utf8')), {
  root: process.cwd(),
  canInstall: installed !== 3,
  filtered: process.argv.length > 2,
});
for (const line of verdict.lines) console.log(line);
console.log(`${verdict.passed} passed, ${verdict.failed} failed, ${verdict.skipped} skipped`);
process.exit(status === 0 && verdict.failed === 0 && verdict.passed > 0 ? 0 : 1);
