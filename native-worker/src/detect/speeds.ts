// Micro-benchmarks of the processor, well under a second, run once per machine and driver and kept in the state folder. They
// rank workers; they promise nothing.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The part of the engine's global that is used here; Node's types leave it to the DOM's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
};

export interface Speeds {
  readonly 'speed.wasm': number;
  readonly 'speed.sha256': number;
}

const BENCH_MS = 150;
const BLOCK_BYTES = 1024 * 1024;
const LOOP_STEPS = 2_000_000;
/** Integer operations of one step of the loop below. */
const OPERATIONS_PER_STEP = 6;

/**
 * (func (export "f") (param $n i32) (result i32) (local $x i32)
 *   (loop (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
 *         (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 13))))
 *         (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
 *   (local.get $x))
 */
const LOOP_MODULE = Buffer.from(
  '0061736d0100000001060160017f017f03020100070501016600000a2f012d01017f03402001418dcce5006c41dfe6bbe3036a210120012001410d76732101200041016b22000d000b20010b',
  'hex',
);

export function measureSpeeds(stateDir: string, driver: string): Speeds {
  const file = join(stateDir, 'speeds.json');
  const key = `${process.version} ${driver}`;
  const known = readKnown(file, key);
  if (known !== null) return known;
  const speeds = { 'speed.wasm': round(wasmSpeed()), 'speed.sha256': round(sha256Speed()) };
  writeFileSync(file, JSON.stringify({ key, speeds }));
  return speeds;
}

function sha256Speed(): number {
  const block = Buffer.alloc(BLOCK_BYTES, 7);
  return perSecond(() => createHash('sha256').update(block).digest());
}

function wasmSpeed(): number {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(LOOP_MODULE)));
  const loop = instance.exports['f'];
  if (typeof loop !== 'function') return 0;
  return (perSecond(() => loop(LOOP_STEPS)) * LOOP_STEPS * OPERATIONS_PER_STEP) / 1e6;
}

/** Calls per second, after one that warms it up. */
function perSecond(work: () => unknown): number {
  work();
  const startMs = performance.now();
  let calls = 0;
  do {
    work();
    calls += 1;
  } while (performance.now() - startMs < BENCH_MS);
  return calls / ((performance.now() - startMs) / 1000);
}

const round = (value: number): number => Number(value.toPrecision(3));

function readKnown(file: string, key: string): Speeds | null {
  if (!existsSync(file)) return null;
  try {
    const known: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof known === 'object' && known !== null && 'key' in known && known.key === key && 'speeds' in known ? (known.speeds as Speeds) : null;
  } catch {
    return null;
  }
}
