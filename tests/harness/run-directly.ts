// A WASI program run by Node's own WASI, stdin to stdout, with none of our code: what a task's output must equal byte for byte.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @param name argv[0] */
export async function runDirectly(module: Uint8Array, name: string, input: Uint8Array): Promise<Buffer> {
  const { WASI } = await import('node:wasi');
  const folder = mkdtempSync(join(tmpdir(), 'udcs-direct-'));
  writeFileSync(join(folder, 'in'), input);
  const stdin = openSync(join(folder, 'in'), 'r');
  const stdout = openSync(join(folder, 'out'), 'w');
  try {
    const wasi = new WASI({ version: 'preview1', args: [name], stdin, stdout, returnOnExit: true });
    const { instance } = await WebAssembly.instantiate(module.slice(), { wasi_snapshot_preview1: wasi.wasiImport as WebAssembly.ModuleImports });
    wasi.start(instance);
    return readFileSync(join(folder, 'out'));
  } finally {
    closeSync(stdin);
    closeSync(stdout);
    rmSync(folder, { recursive: true });
  }
}
