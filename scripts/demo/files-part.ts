// Part (a): a real program over real files. Every task compresses one source file of the installed dependencies with gzip.wasm; a
// manifest joins the members without moving bytes; gunzip, in which no line of ours takes part, says whether it is right.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Grid } from '@udcs/client';
import { root } from '../../tests/harness/processes.ts';
import { runDirectly } from '../../tests/harness/run-directly.ts';
import { deliver } from '../../tests/harness/stream.ts';
import { attemptsOf, type PartTally, tally } from './tally.ts';

const FILES = 240;
const FILE_BYTES = { min: 4_000, max: 120_000 };
const MODULE = join(root, 'tests/fixtures/wasm/gzip.wasm');
const DIRECT_CHECKS = 12;

export interface FilesResult {
  readonly tally: PartTally;
  readonly verified: boolean;
  readonly proof: readonly string[];
  readonly inputBytes: number;
  readonly gzipBytes: number;
}

/** Source files of the dependencies, in a fixed order. */
export function chooseFiles(): string[] {
  const found: string[] = [];
  const walk = (folder: string, depth: number): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.length >= FILES) return;
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth < 4) walk(path, depth + 1);
      else if (entry.isFile() && /\.(js|ts|mjs|cjs|md)$/.test(entry.name)) {
        const { size } = statSync(path);
        if (size >= FILE_BYTES.min && size <= FILE_BYTES.max) found.push(path);
      }
    }
  };
  for (const name of ['zod', 'ws', 'commander', '@trpc/server', 'vitest', 'fast-check', 'typescript']) walk(join(root, 'node_modules', name), 0);
  return found;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * @param grid a connected grid with scope submit
 * @param out folder for files.gz
 * @param onDone called after each settled task
 */
export async function compressFiles(grid: Grid, out: string, onDone: (done: number, total: number) => void): Promise<FilesResult> {
  const startedMs = performance.now();
  const paths = chooseFiles();
  const contents = paths.map((path) => readFileSync(path));
  const [module] = await grid.artifacts.putMany([readFileSync(MODULE)]);
  const uploaded = await grid.artifacts.putMany(contents);
  const job = grid.submit({
    name: `gzip of ${paths.length} source files`,
    type: 'WASM',
    spec: { module: module?.digest, args: [] },
    array: { entries: uploaded.map(({ digest }, index) => ({ file: paths[index]?.slice(root.length + 1) ?? '', digest })) },
    inputs: [{ name: 'file', source: { digest: '${entry.digest}' }, path: '/dev/stdin' }],
    outputs: [{ name: 'gz', path: '/dev/stdout' }],
    labels: { demo: 'files' },
  });
  const { tasks, twice } = await deliver(job, (done) => onDone(done, paths.length));
  await job;

  const members = paths.map((_path, index) => {
    const blob = tasks.get(index)?.outputs['gz'];
    if (blob === undefined) throw new Error(`task ${index} has no output`);
    return blob;
  });
  const joined = await grid.artifacts.join(members.map((blob) => ({ digest: blob.digest, bytes: blob.sizeBytes })));
  const archive = join(out, 'files.gz');
  writeFileSync(archive, await grid.artifacts.get(joined.digest));
  const id = await job.id;
  const counts = tally(await attemptsOf(grid, id), paths.length, twice, startedMs);

  const checks = await verify(paths, contents, members, archive);
  return { tally: counts, inputBytes: contents.reduce((sum, bytes) => sum + bytes.length, 0), gzipBytes: statSync(archive).size, ...checks };
}

async function verify(
  paths: readonly string[],
  contents: readonly Buffer[],
  members: readonly { digest: string }[],
  archive: string,
): Promise<{ verified: boolean; proof: string[] }> {
  const tested = spawnSync('gunzip', ['-t', archive]).status === 0;
  const unpacked = spawnSync('gunzip', ['-c', archive], { maxBuffer: 1024 ** 3 }).stdout;
  const equal = sha256(unpacked) === sha256(Buffer.concat(contents));
  const module = readFileSync(MODULE);
  let direct = 0;
  for (let at = 0; at < DIRECT_CHECKS; at++) {
    const index = Math.floor((at * paths.length) / DIRECT_CHECKS);
    if (`sha256:${sha256(await runDirectly(module, 'gzip', contents[index] ?? new Uint8Array()))}` === members[index]?.digest) direct += 1;
  }
  return {
    verified: tested && equal && direct === DIRECT_CHECKS,
    proof: [
      `gunzip -t files.gz: ${tested ? 'ok' : 'FAILED'}`,
      `gunzip -c equals the ${paths.length} inputs (SHA-256): ${equal ? 'yes' : 'NO'}`,
      `${direct} of ${DIRECT_CHECKS} members byte for byte as the same program run directly by Node's WASI`,
    ],
  };
}
