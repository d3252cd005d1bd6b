// When a tab rests, and why it says so.
import { describe, expect, it } from 'vitest';
import { defaultLimits } from '../page/state.ts';
import { type RestFacts, restReasons } from './rest.ts';

const facts = (changes: Partial<RestFacts> = {}): RestFacts => ({
  userPaused: false,
  conditions: { battery: null, frozen: false },
  limits: defaultLimits({}),
  bytesToday: 0,
  hour: 12,
  ...changes,
});
const onBattery = { battery: { level: 0.8, charging: false }, frozen: false };
const night = { ...defaultLimits({}), hours: { from: 22, to: 6 } };

describe('a tab', () => {
  it('works when nothing speaks against it', () => {
    expect(restReasons(facts())).toBeNull();
    expect(restReasons(facts({ conditions: { battery: { level: 0.1, charging: true }, frozen: false } }))).toBeNull();
  });

  it('names the person first, then what the machine wants', () => {
    expect(restReasons(facts({ userPaused: true, conditions: onBattery }))).toBe('you');
    expect(restReasons(facts({ conditions: { ...onBattery, frozen: true } }))).toBe('frozen');
    expect(restReasons(facts({ conditions: onBattery }))).toBe('battery');
  });

  it('runs on battery only when it may', () => {
    expect(restReasons(facts({ conditions: onBattery, limits: { ...defaultLimits({}), onBattery: true } }))).toBeNull();
  });

  it('keeps hours that pass midnight', () => {
    expect([21, 22, 23, 0, 5, 6, 12].map((hour) => restReasons(facts({ limits: night, hour })))).toEqual(['hours', null, null, null, null, 'hours', 'hours']);
  });

  it('stops at the data limit of the day', () => {
    const limits = { ...defaultLimits({}), megabytesPerDay: 10 };
    expect(restReasons(facts({ limits, bytesToday: 9_999_999 }))).toBeNull();
    expect(restReasons(facts({ limits, bytesToday: 10_000_000 }))).toBe('data');
  });
});
