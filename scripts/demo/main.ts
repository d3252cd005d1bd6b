// `npm run demo`: the main job on real input, through real processes, with two of them killed on the way. Writes out/demo/. Exits 0 when
// everything that could run here ran and was verified.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, type Grid } from '@udcs/client';
import { freePort, type Listening, Processes, type Running, root } from '../../tests/harness/processes.ts';
import { compressFiles } from './files-part.ts';
import { type DemoReport, printReport, reportOf } from './report.ts';
import { drawScene, sceneJob } from './scene-part.ts';
import { openInBrowser, openViewer, type Viewer } from './viewer.ts';

const { values: flags } = parseArgs({
  options: { open: { type: 'boolean', default: false }, stay: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
if (flags.help) {
  console.log(
    'npm run demo -- [--open] [--stay]\n\n  --open  show the picture filling in, and the dashboard, in your browser\n  --stay  keep everything running at the end, until Ctrl-C',
  );
  process.exit(0);
}

const startedMs = performance.now();
const out = join(root, 'out/demo');
mkdirSync(out, { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), 'udcs-demo-'));
const processes = new Processes(scratch, await freePort());
const say = (line: string): void => console.log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);

let coordinator: Awaited<ReturnType<Processes['coordinator']>>;
let worker: Running;
const startWorker = (listening: Listening): Running => processes.worker(listening.joinUrl, { name: 'native-worker' });

/** Opens the donate page headlessly and presses Start. Returns why not, when it can not. */
async function openTab(donateUrl: string): Promise<string | null> {
  const browser = await processes.browser('donor');
  if (browser === null) return 'no Chromium is installed';
  try {
    await browser.page.goto(`${donateUrl}&cores=2&gpu=100&data=10000&battery=1`);
    await browser.page.getByRole('button', { name: /start/i }).click({ timeout: 20_000 });
    return null;
  } catch (failure) {
    await browser.close();
    return failure instanceof Error ? (failure.message.split('\n')[0] ?? 'unknown') : String(failure);
  }
}

let leaving = false;
/** Ends everything, once: a Ctrl-C reaches us from the terminal and again from npm. Bounded: stopAll kills after five seconds. */
async function leave(code: number): Promise<void> {
  if (leaving) return;
  leaving = true;
  await processes.stopAll();
  if (code === 0 || code === 130) rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  else console.error(`logs of the processes: ${scratch}`);
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void leave(130));

/** Kills and restarts once, the first time `done` reaches the mark. */
function killOnce(
  what: string,
  running: () => Running,
  restart: () => Promise<void>,
): { at(done: number, mark: number): void; finished: Promise<void> | null } {
  const self = {
    finished: null as Promise<void> | null,
    at(done: number, mark: number) {
      if (self.finished !== null || done < mark) return;
      self.finished = (async () => {
        const victim = running();
        say(`kill -9 of the ${what} (pid ${victim.pid}), in the middle of the work`);
        await processes.kill(victim);
        say('  it is gone; starting another');
        await restart();
      })();
      self.finished.catch(() => undefined);
    },
  };
  return self;
}

function progress(what: string): (done: number, total: number) => void {
  let shown = 0;
  return (done, total) => {
    const tenth = Math.floor((done * 10) / total);
    if (tenth > shown) say(`${what}: ${done} of ${total}`);
    shown = Math.max(shown, tenth);
  };
}

/** Settles when a worker of this kind is online; the coordinator pushes the change. */
async function joined(grid: Grid, kind: 'browser' | 'native', withinMs: number): Promise<boolean> {
  const patience = AbortSignal.timeout(withinMs);
  try {
    for await (const change of grid.subscribe('workers.changes', {}, { signal: patience }))
      if (change.workers.some((worker) => worker.kind === kind && worker.state === 'online')) return true;
  } catch (failure) {
    if (!patience.aborted) throw failure;
  }
  return false;
}

async function main(): Promise<DemoReport> {
  coordinator = await processes.coordinator();
  const { listening } = coordinator;
  say(`coordinator at ${listening.url}`);
  const grid = connect({ url: listening.url, token: readFileSync(listening.adminTokenFile, 'utf8').trim() });
  worker = startWorker(listening);
  if (!(await joined(grid, 'native', 60_000))) throw new Error('the native worker did not join within 60 s');
  say('native worker joined');
  const refusal = await openTab(listening.donateUrl);
  if (refusal === null && (await joined(grid, 'browser', 30_000))) say('a headless tab donates');
  else say(`no headless tab (${refusal ?? 'it did not join within 30 s'}); going on without. Open one yourself: ${listening.donateUrl}`);
  if (flags.open) openInBrowser(listening.dashboardUrl);
  return await runParts(grid, listening);
}

async function runParts(grid: Grid, listening: Listening): Promise<DemoReport> {
  const workerKill = killOnce(
    'native worker',
    () => worker,
    async () => {
      worker = startWorker(listening);
    },
  );
  const coordinatorKill = killOnce(
    'coordinator',
    () => coordinator,
    async () => {
      coordinator = await processes.coordinator();
      say(`  coordinator is back at ${coordinator.listening.url}`);
    },
  );
  const plan = await grid.call('jobs.plan', { job: sceneJob([0], null) });
  const drawable = plan.matchingWorkers > 0;

  const filesProgress = progress('(a) files compressed');
  const files = await compressFiles(grid, out, (done, total) => {
    filesProgress(done, total);
    workerKill.at(done, total / 2);
    if (!drawable) coordinatorKill.at(done, (total * 3) / 4);
  });
  await workerKill.finished;

  let scene: DemoReport['scene'] = { unmatched: plan.explain };
  let viewer: Viewer | null = null;
  if (drawable) {
    if (flags.open) viewer = await openViewer();
    const sceneProgress = progress('(b) tiles drawn');
    scene = await drawScene(grid, out, viewer ?? { tile: () => {} }, (done, total) => {
      sceneProgress(done, total);
      coordinatorKill.at(done, total / 2);
    });
  }
  await coordinatorKill.finished;
  const report = reportOf({ seconds: (performance.now() - startedMs) / 1000, dashboardUrl: listening.url, files, scene });
  writeFileSync(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  grid.close();
  viewer?.close();
  return report;
}

try {
  const report = await main();
  printReport(report);
  if (flags.stay) {
    console.log(`\nStill serving at ${report.dashboardUrl}. Ctrl-C stops everything.`);
    await new Promise(() => {});
  }
  await leave(report.ok ? 0 : 1);
} catch (failure) {
  console.error(`\nthe demo failed: ${failure instanceof Error ? failure.message : String(failure)}`);
  await leave(1);
}
