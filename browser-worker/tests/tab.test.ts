// A real tab in a real Chromium against a small fake coordinator: what it sends, when, and what it never does.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { AttemptRef } from '@udcs/protocol';
import type { Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildBundle, chromiumPath, needsChromium, openBrowser, stateOf, type Tab } from './chromium.ts';
import { CODE, FakeCoordinator } from './fake-coordinator.ts';
import { addModule, endlessModule } from './modules.ts';

describe('a donating tab', () => {
  let coordinator: FakeCoordinator;
  let tab: Tab;
  let page: Page;

  beforeAll(async () => {
    if (chromiumPath === null) return;
    await buildBundle();
    tab = await openBrowser();
  });
  afterAll(async () => {
    await tab?.close();
  });
  beforeEach(async (context) => {
    needsChromium(context);
    coordinator = new FakeCoordinator();
    await coordinator.listen();
    page = await tab.context.newPage();
    page.on('console', (message) => process.env['UDCS_TEST_CONSOLE'] !== undefined && console.log('console:', message.text()));
    page.on('pageerror', (error) => console.log('pageerror:', error.message));
  });
  afterEach(async () => {
    if (chromiumPath === null) return;
    await page.close();
    await coordinator.close();
  });

  const open = (limits = 'cores=1'): Promise<unknown> => page.goto(`${coordinator.url}/worker/donate.html#${CODE}&${limits}`);
  async function start(limits?: string): Promise<void> {
    await open(limits);
    await page.click('#main');
    await coordinator.until('hello', () => coordinator.hellos.at(-1));
  }
  const addJob = () => ({ type: 'WASM' as const, spec: { module: coordinator.addBlob(addModule), entryPoint: 'f', params: [20, 22] } });
  const endlessJob = (executionMs = 600_000) => ({
    type: 'WASM' as const,
    spec: { module: coordinator.addBlob(endlessModule), entryPoint: 'f' },
    timeouts: { executionMs },
  });

  it('does nothing before the click, then joins, runs a WASM task and is acknowledged', async () => {
    await open();
    await page.waitForSelector('#main:not([disabled])');
    expect((await stateOf(page)).phase).toBe('idle');
    expect(coordinator.requests.filter((request) => !/^GET \/worker\/(donate|page)|chunk|\.css/.test(request))).toEqual([]);
    expect(coordinator.connected).toBe(0);

    await page.click('#main');
    const hello = await coordinator.until('hello', () => coordinator.hellos[0]);
    expect(hello.kind).toBe('browser');
    expect(hello.capabilities.types).toContain('WASM');
    expect(hello.capabilities.attributes['webgpu']).toBe(false);
    const [ref] = coordinator.assign(addJob());
    const { succeeded } = await coordinator.settledOf(ref as NonNullable<typeof ref>);
    expect(succeeded?.value).toEqual(42);
    await coordinator.until('the ack to be counted', async () => (await stateOf(page)).tasksDone === 1);
  });

  it('stops an endless loop at its time limit and runs the next task two seconds later', async () => {
    await start();
    const [endless] = coordinator.assign(endlessJob(400));
    const [next] = coordinator.assign(addJob());
    const { failed } = await coordinator.settledOf(endless as AttemptRef);
    const stoppedAtMs = Date.now();
    expect(failed).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('executionMs') });
    const { succeeded } = await coordinator.settledOf(next as AttemptRef);
    expect(succeeded?.value).toEqual(42);
    expect(Date.now() - stoppedAtMs).toBeGreaterThan(1_700);
  });

  it('hands a running and a waiting task back within a second of Pause, takes nothing while paused, and goes on after Resume', async () => {
    await start();
    const [running] = coordinator.assign(endlessJob());
    const [waiting] = coordinator.assign(endlessJob());
    await coordinator.until('started', () => coordinator.reports().some((report) => report.started?.some(({ task }) => task === running?.task)));
    const pausedAtMs = Date.now();
    await page.click('#main');
    const released = await coordinator.until('both released', () => {
      const all = coordinator.reports().flatMap((report) => report.released ?? []);
      return all.length >= 2 ? all : null;
    });
    expect(Date.now() - pausedAtMs).toBeLessThan(1_000);
    expect(released.map(({ task }) => task).sort()).toEqual([running?.task, waiting?.task].sort());
    const intents = coordinator.frames.flatMap(({ frame }, at) => (frame.type === 'intent' ? [{ intent: frame.intent, at }] : []));
    const releasedAt = coordinator.frames.findIndex(({ frame }) => frame.type === 'report' && frame.released !== undefined);
    expect(intents[0]?.intent).toBe('drain');
    expect(intents[0]?.at).toBeLessThan(releasedAt);
    expect(await stateOf(page)).toMatchObject({ phase: 'paused', pausedBy: 'you', tasks: [] });

    const [late] = coordinator.assign(addJob());
    await coordinator.until('the late one released', () => coordinator.reports().some((report) => report.released?.some(({ task }) => task === late?.task)));
    await page.click('#main');
    await coordinator.until('resume', () => coordinator.frames.some(({ frame }) => frame.type === 'intent' && frame.intent === 'resume'));
    const [after] = coordinator.assign(addJob());
    expect((await coordinator.settledOf(after as AttemptRef)).succeeded?.value).toEqual(42);
  });

  it('keeps results through a cut connection and reports them again with the grant that proves them, once', async () => {
    await start();
    coordinator.acks = false;
    const [ref] = coordinator.assign(addJob());
    await coordinator.settledOf(ref as AttemptRef);
    const reportsBefore = coordinator.succeeded().length;
    coordinator.cutConnections();
    const again = await coordinator.until('second hello', () => coordinator.hellos[1]);
    expect(again.instance).toBe(coordinator.hellos[0]?.instance);
    expect(again.holding).toEqual([{ ...ref, state: 'finished' }]);
    expect(again.grants).toEqual([{ attempts: [ref], mac: `mac-${ref?.attempt}` }]);
    coordinator.acks = true;
    await coordinator.until('the result again', () => coordinator.succeeded().length > reportsBefore);
    await coordinator.until('counted', async () => (await stateOf(page)).tasksDone === 1);
    expect((await stateOf(page)).history).toHaveLength(1);
  });

  it('comes back as a new instance of the same host after a reload, without a second join', async () => {
    await start();
    await page.reload();
    expect((await stateOf(page)).phase).toBe('idle');
    await page.click('#main');
    const second = await coordinator.until('second hello', () => coordinator.hellos[1]);
    expect(second.instance).not.toBe(coordinator.hellos[0]?.instance);
    expect(second.hostKey).toBe(coordinator.hellos[0]?.hostKey);
    expect(coordinator.joins).toHaveLength(1);
  });

  it('hands everything back when the page goes away in the middle of a task', async () => {
    await start();
    const [running] = coordinator.assign(endlessJob());
    await coordinator.until('started', () => coordinator.reports().some((report) => report.started?.length));
    await page.goto('about:blank');
    await coordinator.until('leave', () => coordinator.frames.some(({ frame }) => frame.type === 'intent' && frame.intent === 'leave'), 3_000);
    expect(
      coordinator
        .reports()
        .flatMap((report) => report.released ?? [])
        .map(({ task }) => task),
    ).toEqual([running?.task]);
  });

  it('refuses what its owner does not lend, with the reason', async () => {
    await start();
    const [tooBig] = coordinator.assign({ ...addJob(), resources: { memoryBytes: 64 * 1024 ** 3 } });
    const [foreign] = coordinator.assign({ type: 'MOCK', spec: {} });
    const rejected = await coordinator.until('two rejections', () => {
      const all = coordinator.reports().flatMap((report) => report.rejected ?? []);
      return all.length === 2 ? all : null;
    });
    expect(rejected.find(({ task }) => task === tooBig?.task)).toMatchObject({ code: 'NO_ROOM', message: expect.stringContaining('memory') });
    expect(rejected.find(({ task }) => task === foreign?.task)).toMatchObject({ code: 'POLICY', message: expect.stringContaining('MOCK') });
  });

  it('cancels a running task at once and gives back an unstarted one when asked', async () => {
    await start();
    const [running] = coordinator.assign(endlessJob());
    const [waiting] = coordinator.assign(endlessJob());
    await coordinator.until('started', () => coordinator.reports().some((report) => report.started?.length));
    coordinator.send({ type: 'revoke', attempts: [running as AttemptRef, waiting as AttemptRef] });
    const given = await coordinator.until('revoked', () =>
      coordinator
        .reports()
        .flatMap((report) => report.released ?? [])
        .at(0),
    );
    expect(given.task).toBe(waiting?.task);
    coordinator.send({ type: 'cancel', attempts: [running as AttemptRef], reason: 'canceled' });
    await coordinator.until('released', () => coordinator.reports().some((report) => report.released?.some(({ task }) => task === running?.task)), 1_000);
  });

  it('fetches each artifact once, also after a reload, and never believes wrong bytes', async () => {
    await start();
    const downloads = () => coordinator.requests.filter((request) => request.startsWith('GET /artifacts/')).length;
    for (const ref of coordinator.assign({ ...addJob(), array: { count: 5 } }, [0, 1, 2, 3, 4])) await coordinator.settledOf(ref);
    expect(downloads()).toBe(1);
    await coordinator.until('cache frame', () => coordinator.frames.find(({ frame }) => frame.type === 'cache'));
    await page.reload();
    await page.click('#main');
    const second = await coordinator.until('second hello', () => coordinator.hellos[1]);
    expect(second.cached).toEqual([...coordinator.blobs.keys()]);
    const [again] = coordinator.assign(addJob());
    await coordinator.settledOf(again as AttemptRef);
    expect(downloads()).toBe(1);

    const wrong = `sha256:${'0'.repeat(64)}` as const;
    coordinator.blobs.set(wrong, Buffer.from(endlessModule));
    const [bad] = coordinator.assign({ type: 'WASM', spec: { module: wrong, entryPoint: 'f' } });
    const { failed } = await coordinator.settledOf(bad as AttemptRef);
    expect(failed).toMatchObject({ code: 'INPUT_UNAVAILABLE', message: expect.stringContaining('digest') });
  });

  it('uses only what the donor lends: one task at a time on one core', async () => {
    await start();
    const refs = coordinator.assign({ ...endlessJob(300), array: { count: 2 } }, [0, 1]);
    const ends = await Promise.all(refs.map((ref) => coordinator.settledOf(ref)));
    expect(ends.map(({ failed }) => failed?.code)).toEqual(['TIMEOUT', 'TIMEOUT']);
    const [first, second] = refs.map(
      (ref) => coordinator.frames.find(({ frame }) => frame.type === 'report' && frame.failed?.some(({ task }) => task === ref.task))?.atMs ?? 0,
    );
    // The core of a killed loop stays busy, so its slot is held two seconds more.
    expect(Math.abs((second ?? 0) - (first ?? 0))).toBeGreaterThan(2_000);
  });

  it('uploads a large output before it reports it, and keeps a small one in the report', async () => {
    await start();
    const noise = randomBytes(200_000);
    const gzip = coordinator.addBlob(readFileSync(join(import.meta.dirname, '../../tests/fixtures/wasm/gzip.wasm')));
    const job = (input: Uint8Array) => ({
      type: 'WASM' as const,
      spec: { module: gzip },
      inputs: [{ name: 'in', source: { digest: coordinator.addBlob(input) }, path: '/dev/stdin' }],
      outputs: [{ name: 'gz', path: '/dev/stdout' }],
    });
    const [large] = coordinator.assign(job(noise));
    const big = (await coordinator.settledOf(large as AttemptRef)).succeeded?.outputs['gz'];
    expect(big?.inline).toBeUndefined();
    expect(gunzipSync(coordinator.blobs.get(big?.digest ?? '') ?? Buffer.alloc(0)).equals(noise)).toBe(true);
    const [small] = coordinator.assign(job(Buffer.from('hello hello hello')));
    const little = (await coordinator.settledOf(small as AttemptRef)).succeeded?.outputs['gz'];
    expect(gunzipSync(Buffer.from(little?.inline ?? '', 'base64')).toString()).toBe('hello hello hello');
    expect((await stateOf(page)).bytesUsed).toBeGreaterThan(400_000);
  });

  it('donates in two tabs of one profile at once, as two workers of one host', async () => {
    await start();
    const second = await tab.context.newPage();
    await second.goto(`${coordinator.url}/worker/donate.html#${CODE}&cores=1`);
    await second.click('#main');
    const hello = await coordinator.until('second hello', () => coordinator.hellos[1]);
    expect(hello.hostKey).toBe(coordinator.hellos[0]?.hostKey);
    expect(hello.instance).not.toBe(coordinator.hellos[0]?.instance);
    const [ref] = coordinator.assign(addJob());
    await coordinator.settledOf(ref as AttemptRef);
    await coordinator.until('the second tab to count it', async () => (await stateOf(second)).tasksDone === 1);
    expect((await stateOf(page)).phase).toBe('working');
    await second.close();
    await coordinator.until('one connection left', () => coordinator.connected === 1);
  });

  it('forgets the device: key pair, worker key and cache are gone, and the next start is another host', async () => {
    await start();
    const [ref] = coordinator.assign(addJob());
    await coordinator.settledOf(ref as AttemptRef);
    await page.click('#forget');
    await coordinator.until('left', async () => (await stateOf(page)).phase === 'left');
    expect(await page.evaluate(async () => ({ databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length }))).toEqual({
      databases: 0,
      caches: 0,
    });
    await page.click('#main');
    const again = await coordinator.until('second hello', () => coordinator.hellos[1]);
    expect(again.hostKey).not.toBe(coordinator.hellos[0]?.hostKey);
    expect(again.cached).toEqual([]);
    expect(coordinator.joins).toHaveLength(2);
  });

  it('keeps a private key that can not be read', async () => {
    await start();
    const extractable = await page.evaluate(async () => {
      const open = indexedDB.open('udcs-donate');
      await new Promise((resolve) => {
        open.onsuccess = resolve;
      });
      const get = open.result.transaction('settings').objectStore('settings').get('identity');
      await new Promise((resolve) => {
        get.onsuccess = resolve;
      });
      open.result.close();
      return (get.result as CryptoKeyPair).privateKey.extractable;
    });
    expect(extractable).toBe(false);
  });

  it('rests when the data limit of the day is used up, and says so', async () => {
    await start('cores=1&data=0.00005');
    coordinator.assign(addJob());
    coordinator.assign(endlessJob());
    await coordinator.until('drain', () =>
      coordinator.frames.some(({ frame }) => frame.type === 'intent' && frame.intent === 'drain' && frame.reason === 'data'),
    );
    await coordinator.until(
      'all given back',
      () =>
        new Set(
          coordinator
            .reports()
            .flatMap((report) => [...(report.released ?? []), ...(report.succeeded ?? [])])
            .map(({ task }) => task),
        ).size === 2,
    );
    expect(await stateOf(page)).toMatchObject({ phase: 'paused', pausedBy: 'data' });
  });

  it('says in words why an invite was refused', async () => {
    await page.goto(`${coordinator.url}/worker/donate.html#unknown-code`);
    await page.evaluate(() => indexedDB.deleteDatabase('udcs-donate'));
    await page.click('#main');
    await page.waitForFunction(() => document.body.dataset['phase'] === 'refused');
    expect(await page.textContent('#sentence')).toBe('This invite is not known.');
  });
});
