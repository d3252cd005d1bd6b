import { createHash } from 'node:crypto';
import { type Assignment, type BlobRef, type Digest, limits, type SuccessReport, splitTaskId, type WorkerReport } from '@udcs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignFrames } from './assign-frames.ts';
import { grants } from './fixture.ts';
import { networkOf, proven, workerIdOf } from './grants.ts';
import { jsonTrouble } from './json-guard.ts';
import { outputCheck } from './output-check.ts';
import { Throughput } from './throughput.ts';
import { tokenBucket } from './token-bucket.ts';

const job = (letter: string): `job_${string}` => `job_${letter.repeat(26)}`;
const ref = (letter: string, index: number, attempt = 1): { task: `job_${string}.${string}`; epoch: number; attempt: number } => ({
  task: `${job(letter)}.${index}`,
  epoch: 1,
  attempt,
});

describe('the look at JSON before it is parsed', () => {
  it('lets through what is within bounds and names what is not', () => {
    const depthOf = (value: unknown): number => (typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0);
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const trouble = jsonTrouble(JSON.stringify(value), { depth: 4, nodes: 1_000_000 });
        expect(trouble === null).toBe(depthOf(value) <= 4);
      }),
    );
  });

  it('is not fooled by brackets, commas and quotes inside text', () => {
    expect(jsonTrouble(JSON.stringify({ text: '[[[[,,,,"\\"{{{{' }), { depth: 1, nodes: 3 })).toBeNull();
    expect(jsonTrouble('"\\\\"[', { depth: 0, nodes: 10 })).toMatch(/deeper/);
  });

  it('refuses ten megabytes of [ without walking through them', () => {
    expect(jsonTrouble('['.repeat(10_000_000))).toBe(`JSON nested deeper than ${limits.jsonDepth} levels`);
    expect(jsonTrouble(`[${'0,'.repeat(200_000)}0]`)).toMatch(/more than 100000 values/);
  });

  it('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string(), (text) => jsonTrouble(text) === null || true));
  });
});

describe('assignment frames', () => {
  it('carry every task once and in order, each job header once per frame, within the frame limit, under one valid grant', () => {
    const worker = workerIdOf('a', 'b');
    const header = (name: string, bytes: number): string => JSON.stringify({ id: name, owner: 'own_a', trusted: true, job: { pad: 'x'.repeat(bytes) } });
    fc.assert(
      fc.property(
        fc.array(fc.record({ letter: fc.constantFrom('a', 'b', 'c'), index: fc.nat(10_000), pad: fc.nat(20_000) }), { maxLength: 120 }),
        fc.nat(300_000),
        (drawn, headerBytes) => {
          const tasks = drawn.map(({ letter, index, pad }): Assignment => ({ ...ref(letter, index), variant: 0, index, entry: { pad: 'y'.repeat(pad) } }));
          const frames = assignFrames(
            tasks,
            (id) => header(id, headerBytes),
            (attempts) => grants.mac(worker, 'i', attempts),
          );
          const parsed = frames.map((frame) => JSON.parse(frame.text) as { jobs: { id: string }[]; tasks: Assignment[]; mac: string });
          expect(parsed.flatMap((frame) => frame.tasks)).toEqual(tasks);
          for (const [at, frame] of parsed.entries()) {
            expect(Buffer.byteLength(frames[at]?.text ?? '')).toBeLessThanOrEqual(limits.controlFrameBytes);
            expect(frame.jobs.map(({ id }) => id).sort()).toEqual([...new Set(frame.tasks.map((task) => splitTaskId(task.task).jobId))].sort());
            const attempts = frame.tasks.map(({ task, epoch, attempt }) => ({ task, epoch, attempt }));
            expect(grants.verify(worker, 'i', { attempts, mac: frame.mac })).toBe(true);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('leave out tasks of a job that is gone', () => {
    expect(
      assignFrames(
        [{ ...ref('a', 0), variant: 0, index: 0 }],
        () => null,
        () => '',
      ),
    ).toEqual([]);
  });
});

describe('grants', () => {
  const worker = workerIdOf('host', 'start');
  const attempts = [ref('a', 0), ref('a', 1, 2)];
  const mac = grants.mac(worker, 'start', attempts);

  it('prove what was given to this start of this worker, and nothing else', () => {
    expect(grants.verify(worker, 'start', { attempts, mac })).toBe(true);
    expect(grants.verify(workerIdOf('host', 'other'), 'start', { attempts, mac })).toBe(false);
    expect(grants.verify(worker, 'other', { attempts, mac })).toBe(false);
    expect(grants.verify(worker, 'start', { attempts: [...attempts, ref('a', 2)], mac })).toBe(false);
    expect(grants.verify(worker, 'start', { attempts: [ref('a', 0, 2), ref('a', 1, 2)], mac })).toBe(false);
    for (const forged of ['', mac.slice(1), `${mac}x`, 'A'.repeat(mac.length)]) expect(grants.verify(worker, 'start', { attempts, mac: forged })).toBe(false);
  });

  it('split what a worker holds into proven and not', () => {
    const { held, unproven } = proven(
      grants,
      worker,
      'start',
      [...attempts, ref('b', 0)],
      [
        { attempts, mac },
        { attempts: [ref('b', 0)], mac },
      ],
    );
    expect(held).toEqual(attempts);
    expect(unproven).toEqual([ref('b', 0)]);
  });

  it('give the same start the same id, and a new start another', () => {
    expect(workerIdOf('host', 'start')).toBe(worker);
    expect(workerIdOf('host', 'start 2')).not.toBe(worker);
    expect(worker).toMatch(/^wkr_[0-9a-hjkmnp-tv-z]{26}$/);
  });
});

describe('networks', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:aa:1::7', '2001:db8:aa::/48'],
    ['2001:0DB8:00aa:1:2:3:4:5', '2001:db8:aa::/48'],
    ['::1', '0:0:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
  ])('%s lies in %s', (address, network) => expect(networkOf(address)).toBe(network));
});

describe('outputs', () => {
  const bytes = Buffer.from('result');
  const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const inline: BlobRef = { digest, sizeBytes: bytes.length, inline: bytes.toString('base64') };
  const success = (outputs: Record<string, BlobRef>, value: unknown = null): SuccessReport => ({
    ...ref('a', 0),
    value,
    outputs,
    exitCode: 0,
    log: null,
    usage: { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} },
  });
  const check = outputCheck({ missing: (digests) => Promise.resolve(digests.filter((name) => name !== digest)) });
  const judge = async (report: SuccessReport): Promise<WorkerReport> => check({ type: 'report', succeeded: [report] });

  it('count when the bytes are what they are called, inline or uploaded', async () => {
    expect((await judge(success({ out: inline }))).succeeded).toHaveLength(1);
    expect((await judge(success({ out: { digest, sizeBytes: 6 } }))).succeeded).toHaveLength(1);
  });

  it.each([
    ['other bytes', { ...inline, inline: Buffer.from('rezult').toString('base64') }],
    ['another size', { ...inline, sizeBytes: 7 }],
    ['bytes that were never uploaded', { digest: `sha256:${'0'.repeat(64)}` as Digest, sizeBytes: 1 }],
  ])('turn a success with %s into a failure of the worker', async (_what, blob) => {
    const { succeeded, failed } = await judge(success({ out: blob }));
    expect(succeeded).toEqual([]);
    expect(failed).toMatchObject([{ ...ref('a', 0), code: 'WRONG_RESULT', message: expect.stringContaining('output out') }]);
  });

  it('may not have a value over the limit', async () => {
    expect((await judge(success({}, 'x'.repeat(limits.valueBytes)))).failed).toHaveLength(1);
  });
});

describe('throughput', () => {
  it('counts the last minute by seconds, oldest first', () => {
    const throughput = new Throughput();
    throughput.add(5, 1_500);
    throughput.add(2, 61_000);
    const { lastMinute, perSecond } = throughput.read(61_000);
    expect(perSecond).toHaveLength(60);
    expect(perSecond.at(-1)).toBe(2);
    expect(lastMinute).toBe(2);
    expect(throughput.read(60_500).lastMinute).toBe(2);
    expect(throughput.read(200_000).lastMinute).toBe(0);
  });
});

describe('the rate of frames', () => {
  it('is a burst, then a steady trickle, and more for work that was given', () => {
    const bucket = tokenBucket(100, 200, 0);
    for (let frame = 0; frame < 200; frame++) expect(bucket.take(0)).toBeGreaterThanOrEqual(0);
    expect(bucket.take(0)).toBe(-1);
    expect(bucket.waitMs()).toBe(20);
    expect(bucket.take(1_000)).toBe(98);
    bucket.credit(1_000);
    expect(bucket.take(1_000)).toBe(1_097);
  });
});
