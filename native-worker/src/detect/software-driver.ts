// Where a software Vulkan driver (SwiftShader) may be had without installing anything: an installed Chromium has one, and the npm
// package @sparticuz/chromium carries one packed. Unpacked once into the state folder.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

export interface SoftwareDriver {
  /** Selects the driver for the Vulkan loader. */
  readonly env: Readonly<Record<string, string>>;
  /** Holds the driver's files. */
  readonly folder: string;
}

/** Where packagers put Chromium's driver. */
const INSTALLED = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
  '/snap/chromium/current/usr/lib/chromium-browser/vk_swiftshader_icd.json',
];
const ICD = 'vk_swiftshader_icd.json';
/** What is taken out of the package; libvulkan is the loader, for machines without one. */
const WANTED: readonly string[] = [ICD, 'libvk_swiftshader.so', 'libvulkan.so.1'];
const TAR_BLOCK_BYTES = 512;

/** UDCS_SWIFTSHADER_ICD names a driver's file and comes first. */
export function findSoftwareDriver(stateDir: string): SoftwareDriver | null {
  const given = process.env['UDCS_SWIFTSHADER_ICD'];
  const file = [...(given === undefined || given === '' ? [] : [given]), ...INSTALLED].find((candidate) => existsSync(candidate));
  if (file !== undefined) return { env: selecting(file), folder: dirname(file) };
  const folder = unpackDriver(join(stateDir, 'swiftshader'));
  return folder === null ? null : { env: { ...selecting(join(folder, ICD)), LD_LIBRARY_PATH: folder }, folder };
}

/** Both names: older loaders know the first, newer ones the second. */
const selecting = (file: string): Record<string, string> => ({ VK_ICD_FILENAMES: file, VK_DRIVER_FILES: file });

/** The folder with the driver of the npm package, or null where the package is not installed. */
export function unpackDriver(folder: string): string | null {
  if (existsSync(join(folder, ICD))) return folder;
  const packed = packedDriver();
  if (packed === null) return null;
  try {
    const fresh = `${folder}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true, mode: 0o755 });
    for (const [name, bytes] of readTar(brotliDecompressSync(readFileSync(packed)))) {
      if (WANTED.includes(name)) writeFileSync(join(fresh, name), bytes, { mode: 0o644 });
    }
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
    return existsSync(join(folder, ICD)) ? folder : null;
  } catch {
    // A package of another make: there is no driver to be had from it.
    return null;
  }
}

function packedDriver(): string | null {
  try {
    const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
    for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
      const file = join(folder, 'bin', 'swiftshader.tar.br');
      if (existsSync(file)) return file;
    }
  } catch {
    // not installed
  }
  return null;
}

/** Plain files of an uncompressed tar, by name (POSIX ustar: name at 0, size in octal at 124, type at 156). */
function* readTar(tar: Buffer): Generator<[name: string, bytes: Buffer]> {
  for (let at = 0; at + TAR_BLOCK_BYTES <= tar.length; ) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    if (name === '') return;
    const sizeBytes = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    const type = tar.toString('latin1', at + 156, at + 157);
    const from = at + TAR_BLOCK_BYTES;
    if (type === '0' || type === '\0') yield [name, tar.subarray(from, from + sizeBytes)];
    at = from + Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }
}
