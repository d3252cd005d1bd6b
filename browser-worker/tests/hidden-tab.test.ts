// What only raw DevTools can show: a tab in the background, a frozen one, a lost GPU, and what a task Worker can reach.
import type { AttemptRef } from '@udcs/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildBundle, chromiumPath, needsChromium } from './chromium.ts';
import { Devtools } from './devtools.ts';
import { CODE, FakeCoordinator } from './fake-coordinator.ts';
import { addModule, doublingKernel, endlessModule, floatsOf } from './modules.ts';

describe('a tab seen through DevTools', () => {
  let coordinator: FakeCoordinator;
  let devtools: Devtools;
  let tab: { readonly targetId: string; readonly session: string };

  beforeAll(async () => {
    if (chromiumPath === null) return;
    await buildBundle();
    devtools = await Devtools.start();
  });
  afterAll(async () => {
    await devtools?.stop();
  });
  beforeEach(async (context) => {
    needsChromium(context);
    coordinator = new FakeCoordinator();
    await coordinator.listen();
  });
  afterEach(async () => {
    if (chromiumPath === null) return;
    await devtools.call('Target.closeTarget', { targetId: tab.targetId });
    await coordinator.close();
  });

  async function open(limits: string): Promise<void> {
    tab = await devtools.openTab(`${coordinator.url}/worker/donate.html#${CODE}&${limits}`);
    await coordinator.until('the page', () =>
      devtools.evaluate<boolean>(tab.session, `document.querySelector('#main')?.disabled === false`).catch(() => false),
    );
  }
  async function start(limits = 'cores=1'): Promise<void> {
    await open(limits);
    await devtools.evaluate(tab.session, `document.querySelector('#main').click()`, true);
    await coordinator.until('hello', () => coordinator.hellos.at(-1));
  }
  const addJob = () => ({ type: 'WASM' as const, spec: { module: coordinator.addBlob(addModule), entryPoint: 'f', params: [20, 22] } });
  const endlessJob = () => ({ type: 'WASM' as const, spec: { module: coordinator.addBlob(endlessModule), entryPoint: 'f' } });
  const renewals = () => coordinator.frames.filter(({ frame }) => frame.type === 'renew');

  it('does not start without a click', async () => {
    await open('cores=1');
    await devtools.evaluate(tab.session, `document.querySelector('#main').click()`);
    await coordinator.until('the refusal', () =>
      devtools.evaluate<boolean>(tab.session, `document.querySelector('#problem').textContent.includes('starts with a click')`),
    );
    expect(coordinator.joins).toEqual([]);
    expect(coordinator.connected).toBe(0);
    expect(coordinator.requests).not.toContain('GET /worker/manifest.json');
  });

  it('goes on renewing and working at full rate while it is hidden', async () => {
    await start();
    const other = await devtools.openTab('about:blank');
    await devtools.activate(other.targetId);
    await coordinator.until('hidden', () => devtools.evaluate<boolean>(tab.session, `document.visibilityState === 'hidden'`));
    const before = renewals().length;
    const fromMs = Date.now();
    // Past the 10 s after which Chromium throttles the timers of a hidden page to about one a minute.
    await coordinator.until('renewals while hidden', () => renewals().length >= before + 26, 25_000);
    const perSecond = (renewals().length - before) / ((Date.now() - fromMs) / 1_000);
    expect(perSecond).toBeGreaterThan(1.5);
    const [ref] = coordinator.assign(addJob());
    expect((await coordinator.settledOf(ref as AttemptRef)).succeeded?.value).toEqual(42);
    await devtools.call('Target.closeTarget', { targetId: other.targetId });
  });

  it('hands its leases back when the browser freezes it, and goes on when it thaws', async () => {
    await start();
    const [running] = coordinator.assign(endlessJob());
    await coordinator.until('started', () => coordinator.reports().some((report) => report.started?.length));
    await devtools.call('Page.setWebLifecycleState', { state: 'frozen' }, tab.session);
    await coordinator.until('released', () => coordinator.reports().some((report) => report.released?.some(({ task }) => task === running?.task)), 5_000);
    await devtools.call('Page.setWebLifecycleState', { state: 'active' }, tab.session);
    // Chromium closes the socket of a frozen tab: it comes back with a new hello, as the same instance.
    const thawed = await coordinator.until('a second hello', () => coordinator.hellos[1]);
    expect(thawed).toMatchObject({ instance: coordinator.hellos[0]?.instance, holding: [] });
    await coordinator.until('renewals at full speed', () =>
      coordinator.frames.slice(-2).some(({ frame }) => frame.type === 'renew' && frame.load.throttle === 1),
    );
    const [after] = coordinator.assign(addJob());
    expect((await coordinator.settledOf(after as AttemptRef)).succeeded?.value).toEqual(42);
  });

  it('leaves a task Worker nothing to talk with', async () => {
    await start();
    const [ref] = coordinator.assign(addJob());
    await coordinator.settledOf(ref as AttemptRef);
    const worker = await coordinator.until('a task Worker', () =>
      [...devtools.targets.values()].find((target) => target.type === 'worker' && /\/task-/.test(target.url)),
    );
    const origin = coordinator.url;
    const probes: Record<string, string> = {
      fetch: `fetch('${origin}/artifacts/x')`,
      'fetch of the prototype': `Object.getPrototypeOf(globalThis).fetch.call(globalThis, '${origin}/x')`,
      XMLHttpRequest: `new XMLHttpRequest()`,
      WebSocket: `new WebSocket('${origin.replace('http', 'ws')}/ws/worker')`,
      EventSource: `new EventSource('${origin}/x')`,
      WebTransport: `new WebTransport('https://localhost/x')`,
      importScripts: `importScripts('${origin}/worker/manifest.json')`,
      'import of another origin': `import('http://127.0.0.1:1/x.js')`,
      'import of data': `import('data:text/javascript,export default 1')`,
      indexedDB: `indexedDB.open('udcs-donate')`,
      caches: `caches.open('udcs-artifacts')`,
      cookieStore: `cookieStore.getAll()`,
      BroadcastChannel: `new BroadcastChannel('x')`,
      Worker: `new Worker('${origin}/worker/manifest.json')`,
      'navigator.storage': `navigator.storage.getDirectory()`,
      'navigator.locks': `navigator.locks.request('udcs-donate', () => 1)`,
      'navigator.serviceWorker': `navigator.serviceWorker.getRegistrations()`,
      eval: `(0, eval)('1')`,
      Function: `(() => {}).constructor('return 1')()`,
      Notification: `new Notification('x')`,
    };
    const reached: string[] = [];
    for (const [name, expression] of Object.entries(probes)) {
      const failed = await devtools.evaluate(worker.session, `(async () => { await (${expression}); })()`).then(
        () => false,
        () => true,
      );
      if (!failed) reached.push(name);
    }
    expect(reached).toEqual([]);
    expect(coordinator.requests.filter((request) => request.endsWith('/x') || request.endsWith('/artifacts/x'))).toEqual([]);
  });

  it('runs WGSL correctly, says that the adapter is software, and survives the loss of its GPU', async () => {
    await start('cores=1&gpu=100');
    const { capabilities } = coordinator.hellos[0] ?? {};
    expect(capabilities?.types).toEqual(['WASM', 'WGSL_KERNEL']);
    expect(capabilities?.attributes).toMatchObject({ webgpu: true, 'webgpu.software': true, 'webgpu.architecture': 'swiftshader' });
    expect(capabilities?.attributes['webgpu.features']).not.toContain('timestamp-query');
    expect(capabilities?.devices).toEqual([{ id: 'gpu0', kind: 'cpu', name: 'google swiftshader', provenance: 'software', vramBytes: 0 }]);
    const [first] = coordinator.assign(doublingKernel([1, 2.5, -3]));
    const { succeeded } = await coordinator.settledOf(first as AttemptRef);
    expect(floatsOf(succeeded?.outputs['doubled']?.inline)).toEqual([2, 5, -6]);

    const [victim] = coordinator.assign(doublingKernel([1, 2, 3], 200_000_000));
    await coordinator.until('the long kernel to start', () =>
      coordinator.reports().some((report) => report.started?.some(({ task }) => task === victim?.task)),
    );
    await devtools.call('Browser.crashGpuProcess');
    expect((await coordinator.settledOf(victim as AttemptRef)).failed).toMatchObject({ code: 'DEVICE_LOST' });
    const [next] = coordinator.assign(doublingKernel([4]));
    expect(floatsOf((await coordinator.settledOf(next as AttemptRef)).succeeded?.outputs['doubled']?.inline)).toEqual([8]);
  });
});
