// The dashboard as a person meets it: a real coordinator with its page server, a native worker, and Chromium. Each test starts
// from a logged-in browser; what the console says is collected all the way, and has to be nothing.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Job, JobId } from '@udcs/protocol';
import type { Page } from 'playwright';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { fixture, TestGrid } from '../harness/grid.ts';
import { root } from '../harness/processes.ts';
import { needsChromium } from '../harness/skip.ts';

let grid: TestGrid;
let page: Page;
let module: string;
const complaints: string[] = [];
/** While the coordinator is dead the browser itself reports each refused connection. */
let refusalsExpected = false;

const UNKNOWN_JOB = 'job_01ky0000000000000000000000';
const url = (path: string): string => `${grid.listening.url}${path}`;
const jobPage = (id: string): string => url(`/jobs/${id}`);
const mock = (name: string, spec: Record<string, unknown>, more: Partial<Job> = {}): Job => ({ name, type: 'MOCK', spec, ...more }) as Job;

/** Settles when the page says so by itself; nothing is reloaded. */
const says = (text: string | RegExp, withinMs = 15_000): Promise<void> => page.getByText(text).first().waitFor({ timeout: withinMs });

beforeAll(async () => {
  if (!existsSync(join(root, 'app/.next/BUILD_ID'))) throw new Error('the dashboard is not built: run `npm run build`');
  grid = await TestGrid.start(['--allow-mock']);
  await grid.worker({ name: 'atelier', args: ['--allow-mock', '--slots', '2'] });
  module = (await grid.client.artifacts.put(fixture('wasm/wc.wasm'))).digest;
  const browser = await grid.processes.browser('dashboard');
  if (browser === null) return;
  page = browser.page;
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() !== 'error' || (refusalsExpected && message.text().includes('WebSocket'))) return;
    complaints.push(`${message.text()} ${message.location().url}`);
  });
  await pageServerReady();
  await page.goto(grid.listening.dashboardUrl);
  await page.waitForURL(url('/'));
}, 120_000);
afterAll(async () => {
  await grid?.stop();
});
beforeEach(needsChromium);

async function pageServerReady(): Promise<void> {
  const patience = AbortSignal.timeout(60_000);
  while (!(await fetch(url('/login'), { signal: patience })).ok) await new Promise((resolve) => setTimeout(resolve, 200));
}

it('logs in by the one-time link, which works once', async () => {
  await says('workers connected');
  await says('live');
  const other = await grid.processes.browser('second');
  await other?.page.goto(grid.listening.dashboardUrl);
  await other?.page.getByRole('alert').first().waitFor();
  expect(await other?.page.evaluate(() => window.localStorage.getItem('udcs-token'))).toBeNull();
  await other?.page.goto(url('/jobs'));
  await other?.page.getByText('This browser is not logged in').waitFor();
  await other?.close();
});

it('shows a job going on to its end without a reload', async () => {
  const job = grid.client.submit(mock('a long simulation', { runMs: 300, logLines: 3 }, { array: { count: 24 } }));
  await page.goto(jobPage(await job.id));
  await page.evaluate(() => {
    const look = (): void => {
      const done = /(\d+) of 24 succeeded/.exec(document.body.textContent)?.[1];
      const { seen = '' } = document.body.dataset;
      if (done !== undefined && !seen.split(' ').includes(done)) document.body.dataset['seen'] = `${seen} ${done}`;
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await says('24 of 24 succeeded', 60_000);
  await says('complete');
  const seen = await page.evaluate(() => document.body.dataset['seen'] ?? '');
  expect(seen.trim().split(' ').length).toBeGreaterThan(3); // written into this document: it was never replaced
  expect(await page.getByRole('log', { name: 'Log' }).textContent()).toContain('line 3 of 3');
  expect(await page.title()).toBe('a long simulation · UDCS');
}, 90_000);

it('names the worker of a running task and its progress', async () => {
  const job = grid.client.submit(mock('told by steps', { runMs: 60_000, progressSteps: 100 }));
  await page.goto(jobPage(await job.id));
  await says(/on atelier, native/, 30_000);
  await says(/^\d+\s%$/);
  await job.cancel();
});

it('cancels a job, after it has asked', async () => {
  const job = grid.client.submit(mock('to be canceled', { runMs: 60_000 }, { array: { count: 5 } }));
  await page.goto(jobPage(await job.id));
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  expect((await grid.client.call('jobs.get', { id: await job.id })).canceledAtMs).toBeNull();
  await page.getByRole('button', { name: 'Cancel the job' }).click();
  await says('5 of 5 canceled');
  expect((await grid.client.call('jobs.get', { id: await job.id })).state).toBe('canceled');
});

it('explains why an unmatched job waits, with the nearest miss', async () => {
  const job = grid.client.submit({ name: 'rare', type: 'WASM', spec: { module }, requires: [{ attr: 'arch', op: '=', value: 's390x' }] });
  await page.goto(jobPage(await job.id));
  await says(/None of 1 connected worker can run it\. Nearest is atelier/);
  await page.getByText("Each worker's first reason").click();
  await says(/s390x/);
  await job.cancel();
});

it('opens a failed job at its failures: attempts, whose fault, the stored log, and runs it again', async () => {
  const job = grid.client.submit(
    mock('fails', { runMs: 5, logLines: 2, failOnIndex: 1, failWith: 'EXIT_CODE' }, { array: { entries: [{}, {}, {}] }, retry: { maxAttempts: 2 } }),
  );
  await job.then(
    () => undefined,
    () => undefined,
  );
  await page.goto(jobPage(await job.id));
  await page.getByRole('button', { name: 'failed 1', pressed: true }).waitFor();
  await page.getByRole('button', { name: 'Task 1, attempts' }).click();
  expect(await page.getByRole('button', { name: /^Task \d+, attempts$/ }).count()).toBe(1);
  await says(/the job's fault/);
  expect(page.url()).toContain('task=1');
  await page
    .getByRole('button', { name: /^Log, / })
    .first()
    .click();
  await page
    .getByRole('log', { name: /attempt/ })
    .getByText('line 2 of 2')
    .waitFor();

  await page.getByRole('button', { name: 'succeeded 2' }).click();
  await page.getByRole('button', { name: 'Task 2, attempts' }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'succeeded 2', pressed: true }).waitFor();

  await page.getByRole('button', { name: 'Run 1 task again' }).click();
  const id = await job.id;
  await page.waitForURL((next) => /^\/jobs\/job_[0-9a-z]{26}$/.test(next.pathname) && !next.pathname.includes(id));
  await says('1 of 1 succeeded'); // alone it has index 0
});

it('pages through the tasks of a large job', async () => {
  const job = grid.client.submit(mock('many', { runMs: 0 }, { array: { count: 120 } }));
  await job;
  await page.goto(`${jobPage(await job.id)}?tasks=all`);
  const rows = page.getByRole('button', { name: /^Task \d+, attempts$/ });
  await page.getByRole('button', { name: 'Task 0, attempts', exact: true }).waitFor();
  expect(await rows.count()).toBe(50);
  await page.getByRole('button', { name: 'Next 50' }).click();
  await page.getByRole('button', { name: 'Task 50, attempts', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Next 50' }).click();
  await page.getByRole('button', { name: 'Task 119, attempts', exact: true }).waitFor();
  expect(await rows.count()).toBe(20);
  await page.goBack();
  await page.getByRole('button', { name: 'Task 50, attempts', exact: true }).waitFor();
});

it('downloads an output, byte for byte', async () => {
  const job = grid.client.submit({ name: 'counts', type: 'WASM', spec: { module, stdin: 'a b\nc\n' }, outputs: [{ name: 'counts', path: '/dev/stdout' }] });
  const [task] = await (await job).tasks();
  const output = task?.outputs['counts'];
  if (output === undefined) throw new Error('the task has no output');
  await page.goto(jobPage(await job.id));
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /^counts/ }).click()]);
  expect(download.suggestedFilename()).toBe('0-counts');
  expect(readFileSync(await download.path())).toEqual(Buffer.from(await grid.client.artifacts.read(output)));
});

it('finds jobs by state and name, and keeps the filter in the address', async () => {
  await page.goto(url('/jobs'));
  await page.getByRole('link', { name: 'many' }).first().waitFor();
  await page.getByRole('button', { name: 'canceled' }).click();
  await page.getByRole('link', { name: 'to be canceled' }).waitFor();
  await page.getByRole('link', { name: 'many' }).waitFor({ state: 'detached' });
  await page.getByLabel('Name').fill('nothing is called so');
  await page.keyboard.press('Enter');
  await says('No job fits this filter.');
  await page.reload();
  await says('No job fits this filter.');
  expect(new URL(page.url()).search).toContain('state=canceled');
});

it('makes a donate link and a join command, for who may', async () => {
  await page.goto(url('/workers'));
  await page.getByRole('button', { name: 'Invite a donor' }).click();
  const link = await page.getByLabel('Donate link').inputValue();
  expect(link).toContain('/donate#');
  await page.getByRole('button', { name: 'Add a native worker' }).click();
  expect(await page.getByLabel('Command').inputValue()).toMatch(/^udcs worker '.*\/join#.+'$/);
  await page.goto(link);
  await page.getByRole('button', { name: 'Start' }).waitFor();
  expect(await grid.workers()).toHaveLength(1); // nothing joined before a click

  const { secret } = await grid.client.call('tokens.create', { name: 'reader', scopes: ['read'] });
  const other = await grid.processes.browser('reader');
  await other?.page.goto(url('/login'));
  await other?.page.getByLabel('Token').fill(secret);
  await other?.page.getByRole('button', { name: 'Log in' }).click();
  await other?.page.waitForURL(url('/'));
  await other?.page.goto(url('/workers'));
  await other?.page.getByText('This token can not invite workers').waitFor();
  await other?.close();
});

it('never calls software a GPU', async () => {
  await page.goto(url('/workers'));
  await says('atelier');
  const [worker] = await grid.workers();
  const hardware = worker?.capabilities.devices.some((device) => device.kind === 'gpu' && ['measured', 'declared'].includes(device.provenance));
  expect(await page.getByText('no GPU').count()).toBe(hardware === true ? 0 : 1);
});

it('runs no script but its own', async () => {
  const policy = (await fetch(url('/'))).headers.get('content-security-policy') ?? '';
  expect(/script-src ([^;]*)/.exec(policy)?.[1]).toMatch(/^'self' 'nonce-[^']+'$/);
  const other = await grid.processes.browser('policy');
  await other?.page.goto(url('/login'));
  const ran = await other?.page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.injected = true';
    document.body.append(script);
    return 'injected' in window;
  });
  await other?.close();
  expect(ran).toBe(false);
});

it('is accessible and never scrolls sideways, light and dark, wide and narrow, on every page', async () => {
  const failed = grid.client.submit(
    mock('a job with a name long enough to need two lines on a telephone', { failWith: 'EXIT_CODE', logLines: 2 }, { retry: { maxAttempts: 1 } }),
  );
  const waiting = grid.client.submit({ name: 'waits', type: 'WASM', spec: { module }, resources: { memoryBytes: 1e13 } });
  const running = grid.client.submit(mock('runs', { runMs: 60_000, logLines: 30 }, { array: { count: 4 } }));
  await failed.catch(() => undefined);
  const found: string[] = [];
  const places: [path: string, ready: string | RegExp][] = [
    ['/', 'workers connected'],
    ['/jobs', 'waits'],
    [`/jobs/${await failed.id}?task=0`, /the job's fault/],
    [`/jobs/${await waiting.id}`, 'Why it waits'],
    [`/jobs/${await running.id}`, 'Under way'],
    ['/jobs/nonsense', /is not a job id/],
    [`/jobs/${UNKNOWN_JOB}`, /There is no job/],
    ['/workers', 'Connected workers'],
    ['/login', 'Token'],
    ['/join#code', 'Join with this machine'],
  ];
  for (const [path, ready] of places) {
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(url(path));
    await says(ready);
    for (const [width, colorScheme] of [
      [1280, 'light'],
      [360, 'dark'],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const { violations } = await new AxeBuilder({ page }).analyze();
      for (const violation of violations) found.push(`${path} ${width} ${colorScheme}: ${violation.id} ${violation.nodes[0]?.html}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (over > 0) found.push(`${path} ${width}: ${over} px sideways`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const job of [waiting, running]) await job.cancel();
  expect(found).toEqual([]);
}, 120_000);

it('says when the coordinator is gone, keeps what it knew, and goes on by itself when it is back', async () => {
  const job = grid.client.submit(mock('survives', { runMs: 200 }, { array: { count: 60 } }));
  const id: JobId = await job.id;
  await page.goto(jobPage(id));
  await says(/[1-9]\d* of 60 succeeded/);
  refusalsExpected = true;
  await grid.processes.kill(grid.coordinator);
  await says('The coordinator does not answer.');
  await says('survives');
  await grid.restartCoordinator();
  await page.getByText('The coordinator does not answer.').waitFor({ state: 'detached', timeout: 30_000 });
  await says('60 of 60 succeeded', 90_000);
  refusalsExpected = false;
}, 150_000);

it('the console stayed silent all the way', () => {
  expect(complaints).toEqual([]);
});
