// From module bytes to a compiled module that passed every gate. The last one is kept: an executor that runs many tasks of
// one job compiles once, and instantiates fresh each time.
import { UdcsError } from '@udcs/protocol';
import type { Host } from '../../../kit/executor.ts';
import { PAGE_BYTES, type WasmSpec } from '../task.ts';
import { checkFeatures } from './features.ts';
import { checkImports } from './imports.ts';
import { moduleInvalid } from './leb128.ts';
import { limitMemory, type MemoryFacts } from './limit-memory.ts';
import { findRelaxedSimd } from './relaxed-simd.ts';

const MAX_MODULE_BYTES = 128 * 1024 * 1024;
/** What a wasm32 memory can have at most. */
const MAX_PAGES = 65_536;

export interface GatedModule {
  readonly module: WebAssembly.Module;
  readonly memory: MemoryFacts;
  readonly memoryImport: { readonly module: string; readonly name: string } | null;
}

let kept: { readonly key: string; readonly gated: GatedModule } | null = null;

function capPagesOf(spec: WasmSpec, memoryBytes: number): number {
  return Math.min(MAX_PAGES, Math.floor(Math.min(spec.memory?.maxBytes ?? memoryBytes, memoryBytes) / PAGE_BYTES));
}

/** @throws UdcsError MODULE_INVALID, MEMORY_LIMIT, UNSUPPORTED */
export async function gatedModule(spec: WasmSpec, memoryBytes: number, host: Pick<Host, 'artifacts'>): Promise<GatedModule> {
  const capPages = capPagesOf(spec, memoryBytes);
  const key = `${spec.module}/${capPages}/${spec.features.join()}`;
  if (kept?.key === key) return kept.gated;
  const gated = await gate(await host.artifacts.read(spec.module), capPages, spec.features);
  kept = { key, gated };
  return gated;
}

/** Every check between untrusted bytes and an instance. */
export async function gate(bytes: Uint8Array, capPages: number, features: WasmSpec['features']): Promise<GatedModule> {
  if (bytes.length > MAX_MODULE_BYTES) throw moduleInvalid(`the module has ${bytes.length} bytes, at most ${MAX_MODULE_BYTES} are taken`);
  const limited = limitMemory(bytes, capPages);
  checkFeatures(features);
  if (!features.includes('relaxed-simd') && findRelaxedSimd(limited.bytes)) {
    throw moduleInvalid(
      'the module uses relaxed SIMD, whose results differ between CPUs',
      'build without -mrelaxed-simd, or list "relaxed-simd" in features and set deterministic to false',
    );
  }
  const module = await compile(limited.bytes);
  const imports = checkImports(module);
  return { module, memory: limited.memory, memoryImport: imports.memory };
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (thrown) {
    if (!(thrown instanceof WebAssembly.CompileError))
      throw new UdcsError('OUT_OF_MEMORY', `the module could not be compiled: ${String(thrown)}`, { cause: thrown });
    throw moduleInvalid(`the module does not validate: ${thrown.message.replace(/^WebAssembly\.\w+\(\): /, '')}`);
  }
}
