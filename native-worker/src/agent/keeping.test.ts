// What the agent keeps: logs with their middle cut, artifacts until the disk share is used up, attempts until they are acknowledged.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, fromWorkerSchema, limits, type TaskId } from '@udcs/protocol';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { ArtifactCache } from './artifact-cache.ts';
import { AttemptLog } from './attempt-log.ts';
import { Reporter } from './reporter.ts';
import { Transfer } from './transfer.ts';

const folder = mkdtempSync(join(tmpdir(), 'udcs-keeping-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('the log of an attempt', () => {
  test('a short one is kept whole, whatever pieces it comes in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { minLength: 1, maxLength: 20 }), (pieces) => {
        const log = new AttemptLog();
        for (const piece of pieces) log.write('stdout', Buffer.from(piece), 0);
        const all = Buffer.concat(pieces);
        expect(log.whole() ?? Buffer.alloc(0)).toEqual(all);
      }),
    );
  });

  test('a long one keeps its head and its tail, says what was cut, and stays under the limit', () => {
    const log = new AttemptLog();
    for (let line = 0; line < 100_000; line++) log.write('stdout', Buffer.from(`line ${line}\n`), 0);
    const text = (log.whole() ?? Buffer.alloc(0)).toString();
    expect(text.startsWith('line 0\nline 1\n')).toBe(true);
    expect(text.endsWith('line 99999\n')).toBe(true);
    expect(text).toMatch(/\[… \d+ bytes cut …\]/);
    expect(text.length).toBeLessThanOrEqual(limits.attemptLogBytes);
  });

  test('live text is bounded per second and says when it holds back', () => {
    const log = new AttemptLog();
    for (let chunk = 0; chunk < 50; chunk++) log.write('stdout', Buffer.alloc(8_192, 'x'), 10);
    const live = log.takeLive();
    expect(live.reduce((sum, one) => sum + one.text.length, 0)).toBeLessThan(70_000);
    expect(live.filter((one) => one.stream === 'udcs')).toHaveLength(1);
    log.write('stdout', Buffer.from('later'), 2_000);
    expect(log.takeLive()).toEqual([{ stream: 'stdout', text: 'later' }]);
  });

  test('a letter cut in two by a write is one letter', () => {
    const log = new AttemptLog();
    const bytes = Buffer.from('ü');
    log.write('stdout', bytes.subarray(0, 1), 0);
    log.write('stdout', bytes.subarray(1), 0);
    expect(
      log
        .takeLive()
        .map((one) => one.text)
        .join(''),
    ).toBe('ü');
  });
});

describe('the artifact cache', () => {
  test('drops the least recently used past its size, tells both, and knows the rest after a restart', async () => {
    const changes: string[] = [];
    const make = (): ArtifactCache =>
      new ArtifactCache(join(folder, 'cache'), 2_500, (added, dropped) =>
        changes.push(...added.map((digest) => `+${digest}`), ...dropped.map((digest) => `-${digest}`)),
      );
    const cache = make();
    const blobs = [1, 2, 3].map((fill) => Buffer.alloc(1_000, fill));
    const [first, second, third] = blobs.map((blob) => cache.put(blob));
    if (first === undefined || second === undefined || third === undefined) expect.fail('three were put');
    expect(cache.digests()).toEqual([third, second]);
    expect(changes).toEqual([`+${first}`, `+${second}`, `+${third}`, `-${first}`]);
    cache.close();
    const again = make();
    expect(again.digests()).toEqual([third, second]);
    const ref = { task: 'job_00000000000000000000000000.0' as TaskId, epoch: 1, attempt: 1 };
    const nowhere = new Transfer('http://127.0.0.1:9', 'key');
    expect(digestOf(await again.read(second, ref, nowhere))).toBe(second);
    expect(again.digests()[0]).toBe(second);
    expect(existsSync(await again.file(second, ref, nowhere))).toBe(true);
  });
});

describe('the reporter', () => {
  test('cuts any number of records into frames the wire takes, and loses none', async () => {
    const task = 'job_00000000000000000000000000.0' as TaskId;
    const frames: string[] = [];
    const reporter = new Reporter((frame) => frames.push(frame) > 0);
    const inline = Buffer.alloc(limits.inlineOutputBytes, 7).toString('base64');
    const digest = digestOf(Buffer.from(inline, 'base64'));
    for (let attempt = 1; attempt <= 60; attempt++) {
      const usage = { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} };
      reporter.add('succeeded', {
        task,
        epoch: 1,
        attempt,
        outputs: { a: { digest, sizeBytes: limits.inlineOutputBytes, inline } },
        exitCode: 0,
        log: null,
        usage,
      });
    }
    for (let attempt = 1; attempt <= 5_000; attempt++) reporter.add('released', { task, epoch: 1, attempt });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const parsed = frames.map((frame) => fromWorkerSchema.parse(JSON.parse(frame)));
    for (const frame of frames) expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(limits.controlFrameBytes);
    const reports = parsed.flatMap((frame) => (frame.type === 'report' ? [frame] : []));
    expect(reports.flatMap((report) => (report.succeeded ?? []).map((one) => one.attempt))).toEqual(Array.from({ length: 60 }, (_, at) => at + 1));
    expect(reports.flatMap((report) => (report.released ?? []).map((one) => one.attempt))).toEqual(Array.from({ length: 5_000 }, (_, at) => at + 1));
  });
});
