// The policy gate alone: whatever a coordinator offers, it never gets more than the owner and the machine allow.
import { type Capabilities, ISOLATION_LEVELS, TASK_TYPES } from '@udcs/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { Policy } from './policy.ts';

const machine = (level: Sandbox['level'], limits: Sandbox['limits']): Sandbox => ({
  level,
  why: level === 'sandbox' ? null : 'bubblewrap (bwrap) is not installed',
  limits,
  groups: null,
  bubblewrap: null,
  filterFile: null,
  setpriv: null,
});
const strong = machine('sandbox', 'enforced');
const everything: Capabilities = {
  types: [...TASK_TYPES],
  untrustedTypes: [],
  attributes: {},
  devices: [],
  pools: { slots: 4, cpus: 4, memoryBytes: 1_000, diskBytes: 1_000 },
};
const none = { cpus: 0, memoryBytes: 0, diskBytes: 0, gpus: 0, vramBytes: 0 };
const plain = { allow: [], deny: [], allowMock: false };

describe('the policy of a worker', () => {
  test('by default strangers get WASM and WGSL_KERNEL and nothing else', () => {
    const policy = new Policy(plain, strong);
    const open = TASK_TYPES.filter((type) => policy.refuse({ type, trusted: false, isolationMin: 'none', resources: none }, everything) === null);
    expect(open).toEqual(['WASM', 'WGSL_KERNEL']);
  });

  test('native work of strangers needs the sandbox, enforced limits and the owner’s word, all three', () => {
    for (const level of ['sandbox', 'process'] as const)
      for (const limits of ['enforced', 'weak'] as const)
        for (const allow of [[], ['NATIVE_EXEC'], ['NATIVE_EXEC:untrusted']]) {
          const policy = new Policy({ ...plain, allow }, machine(level, limits));
          const granted = level === 'sandbox' && limits === 'enforced' && allow[0] === 'NATIVE_EXEC:untrusted';
          expect(policy.untrusted('NATIVE_EXEC')).toBe(granted);
          expect(policy.refuse({ type: 'NATIVE_EXEC', trusted: false, isolationMin: 'none', resources: none }, everything) === null).toBe(granted);
          if (allow[0] === 'NATIVE_EXEC:untrusted' && !granted) expect(policy.warnings[0]).toMatch(/^NATIVE_EXEC from strangers stays refused: /);
        }
  });

  test('no offer gets past a denied type, whoever sends it and whatever it asks', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TASK_TYPES),
        fc.boolean(),
        fc.constantFrom(...ISOLATION_LEVELS),
        fc.uniqueArray(fc.constantFrom(...TASK_TYPES)),
        (type, trusted, isolationMin, deny) => {
          const refusal = new Policy({ allow: [], deny: [...deny, type], allowMock: true }, strong).refuse(
            { type, trusted, isolationMin, resources: none },
            everything,
          );
          expect(refusal).toMatchObject({ code: 'POLICY' });
        },
      ),
    );
  });

  test('an isolation is met only by what gives it', () => {
    const levelsFor = (type: 'WASM' | 'NATIVE_EXEC', sandbox: Sandbox): string[] =>
      ISOLATION_LEVELS.filter((isolationMin) => new Policy(plain, sandbox).refuse({ type, trusted: true, isolationMin, resources: none }, everything) === null);
    expect(levelsFor('NATIVE_EXEC', strong)).toEqual(['none', 'process', 'sandbox']);
    expect(levelsFor('NATIVE_EXEC', machine('process', 'weak'))).toEqual(['none', 'process']);
    expect(levelsFor('WASM', machine('process', 'weak'))).toEqual(['none', 'process', 'sandbox', 'container', 'wasm']);
  });

  test('what can never fit is refused with both numbers', () => {
    const refusal = new Policy(plain, strong).refuse(
      { type: 'WASM', trusted: true, isolationMin: 'none', resources: { ...none, memoryBytes: 2_000 } },
      everything,
    );
    expect(refusal).toEqual({ code: 'NO_ROOM', message: 'needs resources.memoryBytes 2000, this worker has 1000' });
  });

  test('words that are no types are usage errors', () => {
    expect(() => new Policy({ ...plain, allow: ['FORTRAN'] }, strong)).toThrow('no such task type');
    expect(() => new Policy({ ...plain, allow: ['WASM:everyone'] }, strong)).toThrow('only "untrusted" is known');
    expect(() => new Policy({ ...plain, allow: ['MOCK'] }, strong)).toThrow('--allow-mock');
  });
});
