// Starts the Chromium of the system with the flags that give WebGPU on SwiftShader, one browser at a time.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BrowserContext, chromium, type Page } from 'playwright';
import type { TestContext } from 'vitest';
import type { DonationState } from '../src/page/state.ts';

const CANDIDATES = [process.env['UDCS_CHROMIUM'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
export const chromiumPath = CANDIDATES.find((path) => path !== '' && existsSync(path)) ?? null;

const COMMON = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/** All four are needed; with fewer the adapter is missing or canvases turn black. */
const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-angle=swiftshader', '--use-vulkan=swiftshader'];
export const browserArgs = (features: readonly string[] = []): string[] => [
  ...COMMON,
  ...SWIFTSHADER,
  `--enable-features=${['Vulkan', ...features].join(',')}`,
];

export interface Tab {
  readonly context: BrowserContext;
  readonly profile: string;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<Tab> {
  if (chromiumPath === null) throw new Error('no chromium');
  const profile = await mkdtemp(join(tmpdir(), 'udcs-tab-'));
  const context = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath, headless: true, args: browserArgs() });
  return {
    context,
    profile,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export const stateOf = (page: Page): Promise<DonationState> =>
  page.evaluate(() => (Reflect.get(globalThis, 'udcsDonation') as { state(): DonationState }).state());

export async function buildBundle(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '..', 'scripts', 'bundle.mjs')]);
}

/** Printed with the test and read by the test command: a skip is never silent. */
export function needsChromium(context: TestContext): void {
  if (chromiumPath !== null) return;
  const reason = 'no Chromium is installed (install chromium, or set UDCS_CHROMIUM)';
  Object.assign(context.task.meta, { skipReason: reason });
  context.skip(reason);
}
