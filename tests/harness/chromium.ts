// Where a Chromium is, and the flags with which it computes without a GPU.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** WebGPU on SwiftShader where there is no GPU; harmless where there is one. The four GPU flags are a minimum: without one, readback fails. */
export const CHROMIUM_FLAGS = [
  '--enable-unsafe-webgpu',
  '--use-angle=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A Chromium of this machine (or UDCS_CHROMIUM), else the one inside the optional package @sparticuz/chromium, else null. */
export async function findChromium(): Promise<string | null> {
  const named = process.env['UDCS_CHROMIUM'];
  if (named !== undefined) return existsSync(named) ? named : null;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
  const found = folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
  if (found !== undefined) return found;
  try {
    const { default: packaged } = await import('@sparticuz/chromium');
    return await packaged.executablePath();
  } catch {
    return null;
  }
}
