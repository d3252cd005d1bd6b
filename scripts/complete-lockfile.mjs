// Adds to package-lock.json the optional platform packages that a partial registry mirror left out. npm writes no entry for an optional
// package it can not see, and `npm ci` then refuses the lockfile everywhere. An added entry has a version and the platform its name
// says, no integrity: npm takes that from the registry of whoever installs on that platform. Run after `npm install`.
import { readFileSync, writeFileSync } from 'node:fs';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const CPUS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const ALIASES = { darwin: ['macos', 'osx'], win32: ['windows', 'win'], arm: ['armv7', 'armv6', 'armhf', 'armv7l'] };

/** The platform a package name tells, such as @esbuild/linux-arm64 or @next/swc-linux-x64-musl. */
function platformOf(name) {
  const words = name.split(/[/@._-]+/);
  const told = (known) => known.filter((one) => words.some((word) => word === one || (ALIASES[one] ?? []).includes(word)));
  const os = told(SYSTEMS);
  const cpu = told(CPUS);
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => /^gnu(eabihf)?$/.test(word)) && os.includes('linux')
      ? ['glibc']
      : [];
  return { ...(os.length > 0 ? { os } : {}), ...(cpu.length > 0 ? { cpu } : {}), ...(libc.length > 0 ? { libc } : {}) };
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
/** Where node would find `name` from the package at `path`, or null. */
function found(path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock.packages[candidate] !== undefined) return candidate;
    if (folder === '' || !folder.includes('/node_modules/'))
      return folder === '' ? null : lock.packages[`node_modules/${name}`] === undefined ? null : `node_modules/${name}`;
  }
}

let added = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (found(path, name) !== null || !/^\d+\.\d+\.\d+/.test(range)) continue;
    lock.packages[`node_modules/${name}`] = { version: range, ...(entry.dev === true ? { dev: true } : {}), optional: true, ...platformOf(name) };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added} optional platform packages added`);
