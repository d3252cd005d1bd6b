// What the bundle may weigh before a task type is loaded, and that nothing in it was left to chance.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildBundle } from './chromium.ts';

const BUNDLE = join(import.meta.dirname, '..', 'dist', 'bundle');
const BUDGET_BYTES = 150 * 1024;

interface Manifest {
  readonly page: string;
  readonly control: string;
  readonly task: string;
  readonly startup: string[];
  readonly policies: Record<string, string>;
  readonly files: { readonly name: string; readonly sizeBytes: number }[];
}

describe('the worker bundle', () => {
  let manifest: Manifest;
  beforeAll(async () => {
    await buildBundle();
    manifest = JSON.parse(await readFile(join(BUNDLE, 'manifest.json'), 'utf8')) as Manifest;
  });

  it('weighs at most 150 kB gzip before a task type is loaded', async () => {
    const sizes = await Promise.all(manifest.startup.map(async (name) => gzipSync(await readFile(join(BUNDLE, name))).length));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    expect(manifest.startup).toEqual(expect.arrayContaining([manifest.page, manifest.control, manifest.task]));
    expect(bytes).toBeLessThanOrEqual(BUDGET_BYTES);
  });

  it('keeps the engine of each task type out of what loads first', async () => {
    const text = (await Promise.all(manifest.startup.map((name) => readFile(join(BUNDLE, name), 'utf8')))).join('\n');
    const all = (await Promise.all(manifest.files.filter(({ name }) => name.endsWith('.js')).map(({ name }) => readFile(join(BUNDLE, name), 'utf8')))).join(
      '\n',
    );
    expect(all).toContain('fd_prestat_get');
    expect(text).not.toContain('fd_prestat_get');
  });

  it('gives the task Worker a policy without any connection, and no script the right to eval', () => {
    expect(manifest.policies[manifest.task]).toContain("connect-src 'none'");
    for (const policy of Object.values(manifest.policies)) {
      expect(policy).not.toContain("'unsafe-eval'");
      expect(policy).not.toContain("'unsafe-inline'");
      expect(policy).toContain("frame-ancestors 'none'");
    }
  });

  it('holds nothing of the other side', async () => {
    for (const { name } of manifest.files.filter((file) => file.name.endsWith('.js'))) {
      expect(await readFile(join(BUNDLE, name), 'utf8'), name).not.toMatch(/from\s*["']node:|require\(["']node:/);
    }
  });
});
