// A fake coordinator and a real worker beside it, for one test file; everything is ended and removed afterwards.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NativeWorker, runNativeWorker, type WorkerOptions } from '../src/index.ts';
import { FakeCoordinator } from './fake-coordinator.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
export const workerEntry = join(here, '../dist/main.js');

export interface Stage {
  readonly coordinator: FakeCoordinator;
  readonly worker: NativeWorker;
  readonly stateDir: string;
  end(): Promise<void>;
}

/** Removed when the run ends. */
export function tempDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'udcs-native-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Only what a test needs is probed: a worker without WGSL starts in a fraction of the time. */
export async function stage(options: WorkerOptions = {}): Promise<Stage> {
  if (!existsSync(workerEntry)) throw new Error('the executor children run from dist: build first (npx tsc -b native-worker)');
  const coordinator = await new FakeCoordinator().listen();
  const stateDir = tempDir();
  const worker = await runNativeWorker({ joinUrl: coordinator.joinUrl, stateDir, slots: 2, allowMock: true, deny: ['WGSL_KERNEL'], ...options });
  await coordinator.joined();
  return {
    coordinator,
    worker,
    stateDir,
    async end() {
      worker.leave('the test is over');
      await worker.done.catch(() => {});
      await coordinator.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** The probe program, compiled once per run; null with a printed reason where there is no C compiler. */
export function compileProbe(): string | null {
  const compiler = ['clang', 'cc', 'gcc'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (compiler === undefined) {
    process.stderr.write('skipped: native programs (no C compiler: clang, cc or gcc)\n');
    return null;
  }
  const to = join(tempDir(), 'probe');
  execFileSync(compiler, ['-O1', '-w', '-o', to, join(here, '../test-fixtures/probe.c')]);
  return to;
}

export const wasmFixture = (name: string): Buffer => readFileSync(join(here, '../../tests/fixtures/wasm', `${name}.wasm`));

/**
 * (func (export "f") (param $n i32) (result i32)): n steps of a linear congruence, about a third of a nanosecond each.
 * No imports and no memory.
 */
export const loopModule = Buffer.from(
  '0061736d0100000001060160017f017f03020100070501016600000a2f012d01017f03402001418dcce5006c41dfe6bbe3036a210120012001410d76732101200041016b22000d000b20010b',
  'hex',
);

export const inline = (text: string): { inline: string } => ({ inline: Buffer.from(text).toString('base64') });

export const textOf = (blob: { inline?: string | undefined } | null | undefined): string => Buffer.from(blob?.inline ?? '', 'base64').toString();
