// What the CLI says without a grid: help, typos, no coordinator, a wrong token, and that `up` leaves nothing behind.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { startGrid, udcs } from './run-udcs.ts';

const VERBS = [
  'up',
  'coordinator',
  'worker',
  'run',
  'submit',
  'map',
  'wasm',
  'wgsl',
  'exec',
  'jobs',
  'job',
  'logs',
  'wait',
  'cancel',
  'retry',
  'explain',
  'plan',
  'workers',
  'artifacts',
  'token',
  'invite',
  'doctor',
];
const NOBODY = { env: { UDCS_URL: 'http://127.0.0.1:9' } };

describe('help', () => {
  it('fits a screen for every verb and ends in two examples', async () => {
    for (const args of [[], ...VERBS.map((verb) => [verb]), ['mock'], ['artifacts', 'put'], ['token', 'create']]) {
      const { code, stdout } = await udcs([...args, '--help']);
      expect(code).toBe(0);
      const lines = stdout.trimEnd().split('\n');
      expect(lines.length, `${args.join(' ')} --help`).toBeLessThanOrEqual(24);
      expect(
        lines.slice(-2).every((line) => line.startsWith('  $ udcs ') || line.includes('| udcs ')),
        args.join(' '),
      ).toBe(true);
    }
  });

  it('names every verb', async () => {
    const { stdout } = await udcs([]);
    for (const verb of VERBS) expect(stdout, verb).toMatch(new RegExp(`\\b${verb}\\b`));
  });
});

describe('wrong usage', () => {
  it('suggests what was meant and exits with 2', async () => {
    expect(await udcs(['rnu', 'x.yaml'])).toMatchObject({ code: 2, stdout: '', stderr: "udcs: unknown command 'rnu'\nhint: did you mean run?\n" });
    expect(await udcs(['jobs', '--stat', 'running'])).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean --state?') });
    expect(await udcs(['token', 'creat', 'x'])).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean create?') });
    expect(await udcs(['run'])).toMatchObject({ code: 2, stderr: expect.stringContaining("missing required argument 'file'") });
    expect(await udcs(['jobs', '--url', 'nonsense'])).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a URL') });
    expect(await udcs(['wait', 'nonsense'])).toMatchObject({ code: 2, stderr: expect.stringContaining('is not the id of a job') });
    expect(await udcs(['run', 'x', '--unmatched-after', 'soon'], NOBODY)).toMatchObject({ code: 2 });
  });
});

describe('without a coordinator', () => {
  it('says so in one line with what to do, and exits with 3', async () => {
    for (const args of [['jobs'], ['workers'], ['invite'], ['mock'], ['worker']]) {
      const { code, stdout, stderr } = await udcs(args, NOBODY);
      expect(code, args.join(' ')).toBe(3);
      expect(stdout).toBe('');
      expect(stderr).toContain('udcs: no coordinator answers at http://127.0.0.1:9\nhint: start one with `udcs up`');
      expect(stderr).not.toContain('    at ');
    }
    expect(await udcs(['jobs'])).toMatchObject({ code: 3, stderr: expect.stringContaining('no coordinator has run on this machine yet') });
    expect(JSON.parse((await udcs(['jobs', '--json'], NOBODY)).stdout)).toMatchObject({ type: 'error', code: 'UNREACHABLE' });
    expect((await udcs(['jobs', '--debug'], NOBODY)).stderr).toContain('    at ');
  });
});

describe('up', () => {
  it('starts everything, refuses strangers, and leaves nothing behind after Ctrl-C', async () => {
    const grid = await startGrid();
    const stranger = await udcs(['jobs', '--url', grid.url, '--token', 'not-a-token-at-all']);
    expect(stranger.code).toBe(4);
    expect(stranger.stderr).toMatch(/^udcs: .*token/);
    expect((await udcs(['jobs', '--url', grid.url])).code).toBe(4);
    expect(processesOf(grid.dataDir)).toBeGreaterThanOrEqual(2);
    expect(await grid.stop()).toBe(0);
    expect(processesOf(grid.dataDir)).toBe(0);
  });

  it('says why the coordinator did not start', async () => {
    const first = await startGrid(['--no-worker']);
    const { code, stderr } = await udcs(['up', '--no-dashboard', '--port', '0', '--data', first.dataDir]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('udcs: the coordinator did not start');
    await first.stop();
  });
});

/** Processes whose command line names this data folder, except this check's own. */
function processesOf(dataDir: string): number {
  const lines = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(dataDir) && !line.includes('cli/main.js')).length;
}
