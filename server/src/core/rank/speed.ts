// How fast the worker's machine is, from its micro-benchmarks; 0..1 on a logarithmic scale, 0.5 when unknown.
import type { Worker } from '../model.ts';

const SLOW = 10;
const FAST = 100_000;

export function scoreSpeed(worker: Worker): number {
  const speed = worker.introduction.capabilities.attributes['speed.wasm'];
  if (typeof speed !== 'number' || speed <= 0) return 0.5;
  const share = Math.log(speed / SLOW) / Math.log(FAST / SLOW);
  return Math.min(1, Math.max(0, share));
}
