import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meets, versionMeets } from './compare.ts';

describe('predicates', () => {
  it.each([
    ['4.2.1', '4.2', true],
    ['4.20', '4.2', false],
    ['4.2', '>=4.2 <5', true],
    ['5.0', '>=4.2 <5', false],
    ['v20.19.1-nightly', '>20.19', true],
    ['unknown', '>=1', false],
    ['4.2', 'soon', false],
  ])('version %s meets "%s": %s', (have, want, expected) => {
    expect(versionMeets(have, want)).toBe(expected);
  });

  it('order numbers as numbers', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (have, value) => {
        expect(meets({ attr: 'a', op: '<', value }, have)).toBe(have < value);
        expect(meets({ attr: 'a', op: '>=', value }, have)).toBe(have >= value);
        expect(meets({ attr: 'a', op: '=', value }, have)).toBe(!meets({ attr: 'a', op: '!=', value }, have));
      }),
    );
  });

  it('contain, in and notIn agree with lists', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c')), fc.array(fc.constantFrom('a', 'b', 'c')), (have, value) => {
        expect(meets({ attr: 'x', op: 'contains', value }, have)).toBe(value.every((item) => have.includes(item)));
        for (const item of have) expect(meets({ attr: 'x', op: 'in', value }, item)).toBe(!meets({ attr: 'x', op: 'notIn', value }, item));
      }),
    );
  });

  it('never match values of different kinds', () => {
    expect(meets({ attr: 'a', op: '<', value: 5 }, '4')).toBe(false);
    expect(meets({ attr: 'a', op: '=', value: 1 }, true)).toBe(false);
    expect(meets({ attr: 'a', op: 'contains', value: ['x'] }, 'x')).toBe(false);
  });
});
