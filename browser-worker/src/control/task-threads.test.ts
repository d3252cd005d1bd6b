// Which task Worker may run what: the reuse rule of DESIGN §7, with stand-ins for the browser's Workers.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TaskThreads } from './task-threads.ts';

let started = 0;
let ended = 0;

class StandIn {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  constructor() {
    started++;
    queueMicrotask(() => this.onmessage?.({ data: { kind: 'ready' } }));
  }
  postMessage(): void {}
  terminate(): void {
    ended++;
  }
}

beforeEach(() => {
  started = 0;
  ended = 0;
  vi.stubGlobal('Worker', StandIn);
});
afterEach(() => vi.unstubAllGlobals());

describe('task Workers', () => {
  it('run the next attempt of the same owner, job and code in the same Worker', () => {
    const threads = new TaskThreads('task.js');
    const first = threads.take('ann job1 code1', 'WASM');
    threads.giveBack(first);
    expect(threads.take('ann job1 code1', 'WASM')).toBe(first);
  });

  it('never run two affinities in one Worker', () => {
    const threads = new TaskThreads('task.js');
    threads.setSlots(4);
    const seen = new Map<unknown, string>();
    for (const affinity of ['a', 'b', 'a', 'c', 'b', 'a', 'c', 'c']) {
      const thread = threads.take(affinity, 'WASM');
      expect(seen.get(thread) ?? affinity).toBe(affinity);
      seen.set(thread, affinity);
      threads.giveBack(thread);
    }
  });

  it('are thrown away after a failure and never come back', () => {
    const threads = new TaskThreads('task.js');
    const first = threads.take('a', 'WASM');
    threads.discard(first);
    expect(ended).toBe(1);
    expect(threads.take('a', 'WASM')).not.toBe(first);
  });

  it('are thrown away after 256 attempts', () => {
    const threads = new TaskThreads('task.js');
    const first = threads.take('a', 'WASM');
    threads.giveBack(first);
    let same = 1;
    for (; same < 300; same++) {
      const next = threads.take('a', 'WASM');
      threads.giveBack(next);
      if (next !== first) break;
    }
    expect(same).toBe(256);
  });

  it('stay bounded: as many idle ones as slots, and one spare', () => {
    const threads = new TaskThreads('task.js');
    threads.setSlots(2);
    const busy = Array.from({ length: 10 }, (_, at) => threads.take(`job${at}`, 'WASM'));
    for (const thread of busy) threads.giveBack(thread);
    expect(started - ended).toBe(3);
    threads.clear();
    expect(started - ended).toBe(0);
  });
});
