// Runs dependency-cruiser over every room and fails when it saw too few modules: a cruiser that can not read TypeScript reports
// "no violations" over nothing.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const MODULES_MIN = 50;
const rooms = ['protocol', 'tasks', 'server', 'browser-worker', 'native-worker', 'client', 'app'].filter((room) => readdirSync(room).includes('src'));
const run = spawnSync(
  'npx',
  ['depcruise', '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...rooms.map((room) => `${room}/src`), ...process.argv.slice(2)],
  {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  },
);
if (run.stdout === '') {
  console.error(run.stderr);
  process.exit(1);
}
const { summary } = JSON.parse(run.stdout);
for (const violation of summary.violations) console.error(`${violation.rule.name}: ${violation.from} → ${violation.to}`);
console.log(`boundaries: ${summary.totalCruised} modules, ${summary.totalDependenciesCruised} dependencies, ${summary.violations.length} violations`);
if (summary.totalCruised < MODULES_MIN) {
  console.error(`boundaries: only ${summary.totalCruised} modules were seen, at least ${MODULES_MIN} are expected: the cruiser is blind`);
  process.exit(1);
}
process.exit(summary.violations.length === 0 ? 0 : 1);
