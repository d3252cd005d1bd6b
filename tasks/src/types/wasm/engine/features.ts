// Which post-MVP features this engine has, found by validating a tiny module that uses each.
import { UdcsError } from '@udcs/protocol';
import type { WasmSpec } from '../task.ts';

type Feature = WasmSpec['features'][number];

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** One function type, one function, one body. */
const withBody = (body: readonly number[], extra: readonly number[] = []): number[] => [
  ...HEADER,
  1,
  4,
  1,
  0x60,
  0,
  0,
  3,
  2,
  1,
  0,
  ...extra,
  10,
  body.length + 4,
  1,
  body.length + 2,
  0,
  ...body,
  0x0b,
];
const MEMORY = [5, 3, 1, 0, 1];
const TAG = [13, 3, 1, 0, 0];

const PROBES: Readonly<Record<Feature, readonly number[]>> = {
  // i32.const 0; i8x16.splat; drop
  simd128: withBody([0x41, 0, 0xfd, 0x0f, 0x1a]),
  // i32.const 0 ×3; memory.fill
  'bulk-memory': withBody([0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 0], MEMORY),
  // return_call 0
  'tail-call': withBody([0x12, 0]),
  // throw 0
  exceptions: withBody([0x08, 0], TAG),
  // i32.const 1; i8x16.splat; i32.const 2; i8x16.splat; i8x16.relaxed_swizzle; drop
  'relaxed-simd': withBody([0x41, 1, 0xfd, 0x0f, 0x41, 2, 0xfd, 0x0f, 0xfd, 0x80, 0x02, 0x1a]),
};

export const hasFeature = (feature: Feature): boolean => WebAssembly.validate(new Uint8Array(PROBES[feature]));

/** @throws UdcsError UNSUPPORTED when this engine lacks a feature the module needs */
export function checkFeatures(features: readonly Feature[]): void {
  const missing = features.find((feature) => !hasFeature(feature));
  if (missing !== undefined) throw new UdcsError('UNSUPPORTED', `the WebAssembly engine of this worker has no ${missing}`);
}
