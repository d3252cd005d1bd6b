// `npm run demo` after `npm ci`: builds what is missing, then runs scripts/demo/main.ts.
import { spawn, spawnSync } from 'node:child_process';

const built = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
if (built.status !== 0) {
  console.error(`the build failed:\n${built.stdout}${built.stderr}`);
  process.exit(1);
}
const demo = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', 'tsx', 'scripts/demo/main.ts', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => demo.kill(signal));
demo.once('exit', (code) => process.exit(code ?? 1));
