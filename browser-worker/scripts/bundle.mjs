// Builds the worker bundle that the coordinator serves at /worker/: ES modules with hashed names, one chunk per task type, and
// manifest.json, the only file whose name is fixed besides donate.html. Reads TypeScript sources, so it needs no tsc before it.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const room = fileURLToPath(new URL('..', import.meta.url));
const outdir = join(room, 'dist', 'bundle');
/** Built beside and moved into place, so that a coordinator which serves the folder never sees half a bundle. */
const building = join(room, 'dist', `bundle.${process.pid}`);

/** Each thread's script carries its own policy: a task Worker can load its chunks and compile WASM, and reach nothing. */
const policies = {
  page: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  control: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; frame-ancestors 'none'",
  task: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'none'; frame-ancestors 'none'",
};

await rm(building, { recursive: true, force: true });
await mkdir(building, { recursive: true });
const result = await build({
  absWorkingDir: room,
  entryPoints: { page: 'src/page/donate-page.ts', control: 'src/control/main.ts', task: 'src/task/main.ts' },
  outdir: building,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2023',
  conditions: ['udcs-source'],
  splitting: true,
  minify: true,
  loader: { '.css': 'text' },
  sourcemap: false,
  metafile: true,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  legalComments: 'linked',
  logLevel: 'warning',
});

const outputs = Object.entries(result.metafile.outputs).map(([path, output]) => ({ name: basename(path), ...output }));
const entry = (source) => outputs.find((output) => output.entryPoint === source).name;
const names = {
  page: entry('src/page/donate-page.ts'),
  control: entry('src/control/main.ts'),
  task: entry('src/task/main.ts'),
};

const template = await readFile(join(room, 'src/page/donate.html'), 'utf8');
await writeFile(join(building, 'donate.html'), template.replace('%SCRIPT%', names.page));

const files = [];
for (const name of [...outputs.map((output) => output.name), 'donate.html'].sort()) {
  const bytes = await readFile(join(building, name));
  files.push({ name, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
}

/** What every tab loads before it knows a task type: the entries and all they import statically. */
const startup = new Set();
const follow = (name) => {
  if (startup.has(name)) return;
  startup.add(name);
  for (const used of outputs.find((output) => output.name === name)?.imports ?? []) if (used.kind === 'import-statement') follow(basename(used.path));
};
for (const name of Object.values(names)) follow(name);

const manifest = {
  ...names,
  donate: 'donate.html',
  /** File → its Content-Security-Policy. Chunks are governed by the Worker or page that imports them. */
  policies: { [names.page]: policies.page, [names.control]: policies.control, [names.task]: policies.task, 'donate.html': policies.page },
  startup: [...startup].sort(),
  files,
};
await writeFile(join(building, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
await rm(outdir, { recursive: true, force: true });
await rename(building, outdir);
