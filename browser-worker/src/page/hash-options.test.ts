// What a donate link says after its #.
import { describe, expect, it } from 'vitest';
import { optionsFromHash } from './hash-options.ts';

describe('a donate link', () => {
  it('carries the code alone, or limits after it', () => {
    expect(optionsFromHash('#abc-DEF_123')).toEqual({ code: 'abc-DEF_123', limits: {} });
    expect(optionsFromHash('#abc&cores=3&gpu=50&memory=512&data=100&battery=1')).toEqual({
      code: 'abc',
      limits: { cores: 3, gpuShare: 0.5, memoryBytes: 512 * 1024 ** 2, megabytesPerDay: 100, onBattery: true },
    });
  });

  it('without a code is a page for somebody who joined before', () => {
    expect(optionsFromHash('')).toEqual({ code: null, limits: {} });
    expect(optionsFromHash('#&cores=2')).toEqual({ code: null, limits: { cores: 2 } });
  });

  it('leaves nonsense out', () => {
    expect(optionsFromHash('#abc&cores=many&gpu=900&colour=red').limits).toEqual({ gpuShare: 1 });
  });
});
