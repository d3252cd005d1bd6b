// What this machine has for a grid: one check per thing, each by trying it, not by believing a version file.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Finding {
  readonly name: string;
  /** `missing` = something is not available; `broken` = nothing works without it, or it is there and fails. */
  readonly state: 'ok' | 'missing' | 'broken';
  readonly found: string;
  /** What to do about it; null = nothing. */
  readonly advice: string | null;
}

const TRY_MS = 20_000;

function run(command: string, args: readonly string[], more: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<{ ok: boolean; text: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: TRY_MS, ...more }, (error, stdout, stderr) => {
      resolve({ ok: error === null, text: (error === null ? stdout : stderr || error.message).trim() });
    });
  });
}

export async function checkNode(): Promise<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew = major > 20 || (major === 20 && minor >= 19);
  return {
    name: 'Node',
    state: isNew ? 'ok' : 'broken',
    found: `${process.versions.node} on ${process.platform} ${process.arch}`,
    advice: isNew ? null : 'install Node 20.19 or newer',
  };
}

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

export async function checkBrowser(): Promise<Finding> {
  const candidates = process.env['CHROME_PATH'] === undefined ? BROWSERS : [process.env['CHROME_PATH'], ...BROWSERS];
  for (const candidate of candidates) {
    const { ok, text } = await run(candidate, ['--version']);
    if (ok) return { name: 'Chromium', state: 'ok', found: text.split('\n').at(-1) ?? candidate, advice: null };
  }
  return { name: 'Chromium', state: 'missing', found: 'no browser to donate a tab with or to test in', advice: 'Debian, Ubuntu: apt-get install chromium' };
}

export async function checkSandbox(): Promise<Finding> {
  const name = 'bubblewrap';
  if (process.platform !== 'linux')
    return { name, state: 'missing', found: `no bubblewrap on ${process.platform}: native programs run without a sandbox level`, advice: null };
  const version = await run('bwrap', ['--version']);
  if (!version.ok) return { name, state: 'missing', found: 'native programs of others are refused here', advice: 'Debian, Ubuntu: apt-get install bubblewrap' };
  const tried = await run('bwrap', ['--ro-bind', '/', '/', '--unshare-all', 'true']);
  if (tried.ok) return { name, state: 'ok', found: `${version.text}, a sandbox was made`, advice: null };
  return {
    name,
    state: 'broken',
    found: `${version.text}, but no sandbox can be made: ${tried.text.split('\n')[0]}`,
    advice: 'allow user namespaces: sysctl kernel.unprivileged_userns_clone=1',
  };
}

export async function checkFfmpeg(): Promise<Finding> {
  const { ok, text } = await run('ffmpeg', ['-version']);
  if (ok) return { name: 'ffmpeg', state: 'ok', found: text.split('\n')[0]?.split(' Copyright')[0] ?? 'found', advice: null };
  return { name: 'ffmpeg', state: 'missing', found: 'no video work natively', advice: 'Debian, Ubuntu: apt-get install ffmpeg' };
}

/** In a process of its own: a broken driver crashes whoever loads it. */
const ASK_ADAPTER = `const { create } = await import('webgpu');
const adapter = await create([]).requestAdapter();
const info = adapter?.info;
console.log(adapter === null ? 'none' : [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ') || 'unnamed adapter');
process.exit(0);`;

/** SwiftShader, the software driver that comes with Chromium. */
const SOFTWARE_DRIVERS = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
];

export async function checkWebGpu(): Promise<Finding> {
  const name = 'WebGPU';
  const cwd = fileURLToPath(new URL('../../../native-worker/', import.meta.url));
  const ask = (env: NodeJS.ProcessEnv) => run(process.execPath, ['--input-type=module', '-e', ASK_ADAPTER], { cwd, env });
  let answer = await ask(process.env);
  const driver = process.env['UDCS_SWIFTSHADER_ICD'] ?? SOFTWARE_DRIVERS.find((file) => existsSync(file));
  if ((!answer.ok || answer.text === 'none') && driver !== undefined) answer = await ask({ ...process.env, VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver });
  const { ok, text } = answer;
  if (ok && text !== 'none') {
    const software = /swiftshader|llvmpipe|lavapipe/i.test(text);
    return { name, state: 'ok', found: `${text}${software ? ' (software: slow, and said so to every job)' : ''}`, advice: null };
  }
  if (!ok && /Cannot find (package|module)/.test(text))
    return { name, state: 'missing', found: 'the optional package "webgpu" is not installed', advice: 'npm install --include=optional' };
  const drivers = vulkanDrivers();
  const found = ok ? 'no adapter' : 'the WebGPU library failed';
  return {
    name,
    state: 'missing',
    found: `${found}; Vulkan drivers: ${drivers.join(', ') || 'none'}`,
    advice: 'install a Vulkan driver (Debian, Ubuntu: apt-get install mesa-vulkan-drivers), or donate a browser tab instead',
  };
}

function vulkanDrivers(): string[] {
  return ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'].flatMap((folder) => {
    try {
      return readdirSync(folder).filter((file) => file.endsWith('.json'));
    } catch {
      return [];
    }
  });
}
