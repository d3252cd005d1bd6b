// The border to a task Worker: only the listed shapes pass.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFromTask } from './messages.ts';

const good = [
  { kind: 'ready' },
  { kind: 'read', request: 0, digest: `sha256:${'a'.repeat(64)}` },
  { kind: 'put', request: 1, name: 'out', bytes: new Uint8Array(3) },
  { kind: 'log', stream: 'stdout', bytes: new Uint8Array(1), tail: false },
  { kind: 'progress', fraction: 0.5, note: null },
  { kind: 'done', result: { exitCode: 0 }, deviceLost: false },
  { kind: 'failed', code: 'CRASHED', message: '', exitCode: null, signal: null, deviceLost: false },
  { kind: 'checked', type: 'WASM', problem: null },
  { kind: 'measured', speeds: { 'speed.wasm': 1 } },
];

describe('a message from a task Worker', () => {
  it('passes in every listed shape', () => {
    for (const message of good) expect(isFromTask(message), message.kind).toBe(true);
  });

  it('does not pass with a field missing or of another type', () => {
    for (const message of good.slice(1)) {
      for (const field of Object.keys(message)) {
        const { [field]: _gone, ...rest } = message as Record<string, unknown>;
        expect(isFromTask(rest), `${message.kind} without ${field}`).toBe(false);
        expect(isFromTask({ ...message, [field]: Symbol('other') }), `${message.kind} with another ${field}`).toBe(false);
      }
    }
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.anything(), (value) => typeof isFromTask(value) === 'boolean'));
  });
});
