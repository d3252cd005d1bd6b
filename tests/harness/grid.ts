// A whole grid of real processes for one test file: coordinator, native workers, a donating tab, and a client of the shipped SDK.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Grid } from '@udcs/client';
import type { WorkerView } from '@udcs/protocol';
import type { Page } from 'playwright';
import { freePort, type Listening, Processes, type Running, type WorkerOptions } from './processes.ts';

export interface Tab {
  readonly page: Page;
  readonly close: () => Promise<void>;
}

export class TestGrid {
  readonly processes: Processes;
  readonly listening: Listening;
  readonly client: Grid;
  coordinator: Running;

  private constructor(processes: Processes, coordinator: Running & { readonly listening: Listening }) {
    this.processes = processes;
    this.coordinator = coordinator;
    this.listening = coordinator.listening;
    this.client = connect({ url: this.listening.url, token: readFileSync(this.listening.adminTokenFile, 'utf8').trim() });
  }

  /** A coordinator without dashboard; MOCK is allowed. */
  static async start(args: readonly string[] = ['--no-dashboard', '--allow-mock']): Promise<TestGrid> {
    const processes = new Processes(mkdtempSync(join(tmpdir(), 'udcs-grid-')), await freePort(), args);
    return new TestGrid(processes, await processes.coordinator());
  }

  async restartCoordinator(): Promise<void> {
    this.coordinator = await this.processes.coordinator();
  }

  /** Starts a native worker and settles when it is online. */
  async worker(options: WorkerOptions): Promise<Running> {
    const running = this.processes.worker(this.listening.joinUrl, options);
    await this.until((worker) => worker.name === options.name && worker.state === 'online');
    return running;
  }

  /** Opens a tab that donates, with the GPU on. null = no Chromium here. */
  async tab(name: string, limits = 'cores=2&gpu=100&data=10000&battery=1'): Promise<Tab | null> {
    const tab = await this.processes.browser(name);
    if (tab === null) return null;
    const code = this.listening.donateUrl.slice(this.listening.donateUrl.indexOf('#') + 1);
    await tab.page.goto(`${this.listening.url}/worker/donate.html#${code}&${limits}`);
    const before = new Set((await this.workers()).map((worker) => worker.id));
    await tab.page.getByRole('button', { name: 'Start' }).click();
    await this.until((worker) => worker.kind === 'browser' && worker.state === 'online' && !before.has(worker.id));
    return tab;
  }

  async workers(): Promise<WorkerView[]> {
    return (await this.client.call('workers.list', { limit: 500 })).items;
  }

  /** Settles when some worker fits; driven by the coordinator's pushes. */
  async until(fits: (worker: WorkerView) => boolean, withinMs = 60_000): Promise<WorkerView> {
    const patience = AbortSignal.timeout(withinMs);
    for await (const change of this.client.subscribe('workers.changes', {}, { signal: patience })) {
      const found = change.workers.find(fits);
      if (found !== undefined) return found;
    }
    throw new Error('the workers subscription ended');
  }

  /** A native worker's own record of what it ran, task by task. */
  executions(name: string): { event: string; task: string; epoch: number; attempt: number; outcome: string | null }[] {
    return readFileSync(this.processes.executionLog(name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.processes.stopAll();
    rmSync(this.processes.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

export const fixture = (path: string): Uint8Array => new Uint8Array(readFileSync(join(import.meta.dirname, '..', 'fixtures', path)));
