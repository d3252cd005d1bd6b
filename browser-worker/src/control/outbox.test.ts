// Cutting reports into frames: nothing is lost, nothing changes places inside its list, no frame is larger than the wire takes.
import { fromWorkerSchema, limits } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { framesOf, type RecordOf } from './outbox.ts';

const JOB = 'job_00000000000000000000000000' as const;

function succeeded(index: number, inlineChars: number): RecordOf<'succeeded'> {
  const digest = `sha256:${'0'.repeat(64)}` as const;
  return {
    task: `${JOB}.${index}`,
    epoch: 1,
    attempt: 1,
    outputs: { out: { digest, sizeBytes: inlineChars, inline: 'A'.repeat(inlineChars) } },
    exitCode: 0,
    log: null,
    usage: { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} },
  };
}

describe('frames of a report', () => {
  it('hold every record once and in order, and each fits the wire', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: limits.inlineOutputBytes }), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.array(fc.string({ unit: 'binary', maxLength: 1_300 }), { maxLength: 20 }), (outputs, texts) => {
        const lists = {
          succeeded: outputs.map((chars, at) => succeeded(at, chars)),
          log: texts.map((text, at) => ({ task: `${JOB}.${at}` as const, epoch: 1, attempt: 1, stream: 'stdout' as const, text })),
        };
        const frames = framesOf(lists);
        expect(frames.flatMap((frame) => frame.succeeded ?? [])).toEqual(lists.succeeded);
        expect(frames.flatMap((frame) => frame.log ?? [])).toEqual(lists.log);
        for (const frame of frames) {
          expect(Buffer.byteLength(JSON.stringify(frame))).toBeLessThanOrEqual(limits.controlFrameBytes);
          expect(fromWorkerSchema.safeParse(frame).success).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are none when there is nothing to say', () => {
    expect(framesOf({})).toEqual([]);
  });
});
