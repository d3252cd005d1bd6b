// The driver inside the optional package, unpacked for real where the package is installed.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { findSoftwareDriver, unpackDriver } from './software-driver.ts';

const folder = mkdtempSync(join(tmpdir(), 'udcs-driver-'));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function hasPackage(): boolean {
  try {
    createRequire(import.meta.url).resolve('@sparticuz/chromium');
    return true;
  } catch {
    return false;
  }
}

describe('the software driver', () => {
  test('a file that the owner names comes first', () => {
    vi.stubEnv('UDCS_SWIFTSHADER_ICD', import.meta.filename);
    expect(findSoftwareDriver(folder)).toEqual({
      env: { VK_ICD_FILENAMES: import.meta.filename, VK_DRIVER_FILES: import.meta.filename },
      folder: import.meta.dirname,
    });
  });

  test.skipIf(!hasPackage())('the optional package carries one, and a second start finds it unpacked', () => {
    const to = join(folder, 'swiftshader');
    expect(unpackDriver(to)).toBe(to);
    const icd = JSON.parse(readFileSync(join(to, 'vk_swiftshader_icd.json'), 'utf8'));
    expect(existsSync(join(to, icd.ICD.library_path))).toBe(true);
    const before = statSync(to).ctimeMs;
    expect(unpackDriver(to)).toBe(to);
    expect(statSync(to).ctimeMs).toBe(before);
  });
});
