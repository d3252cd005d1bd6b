import type { JobEvent, JobView, TaskView } from '@udcs/protocol';
import { describe, expect, it } from 'vitest';
import { type JobStory, jobStory } from './fold-events.ts';

const task = (key: number): TaskView => ({
  id: `job_x.${key}`,
  key: String(key),
  index: key,
  state: 'succeeded',
  attempts: 1,
  worker: null,
  outputs: {},
  exitCode: 0,
  log: null,
  error: null,
  endedAtMs: 1,
});
const job = (active: number, endedAtMs: number | null): JobView => ({
  id: 'job_x',
  name: '',
  owner: 'o',
  types: ['WASM'],
  state: endedAtMs === null ? 'running' : 'succeeded',
  counts: { total: 9, succeeded: 0, failed: 0, canceled: 0, active },
  priority: 50,
  labels: {},
  seq: 1,
  submittedAtMs: 0,
  startedAtMs: 0,
  endedAtMs,
  canceledAtMs: null,
  repeatedAttempts: 0,
  error: null,
});
const tell = (...events: JobEvent[]): JobStory => events.reduce(jobStory.fold, jobStory.initial);
const settled = (...keys: number[]): JobEvent => ({ type: 'tasks', seq: 1, tasks: keys.map((key) => task(key)) });
const progress = (...keys: number[]): JobEvent => ({
  type: 'progress',
  tasks: keys.map((key) => ({ task: `job_x.${key}`, attempt: 1, worker: 'wkr_a', progress: 0.5 })),
});
const keysOf = (story: JobStory): string[] => story.settled.map(({ key }) => key);

describe("one job's page, event by event", () => {
  it('lists ended tasks newest first, each once', () => {
    expect(keysOf(tell(settled(1, 2), settled(3), settled(2)))).toEqual(['2', '3', '1']);
  });

  it('takes an ended task off what runs, and everything when nothing is under way', () => {
    expect([...tell(progress(1, 2), settled(1)).running.keys()]).toEqual(['job_x.2']);
    expect(tell(progress(1, 2), { type: 'job', seq: 2, job: job(1, null) }).running.size).toBe(2);
    expect(tell(progress(1, 2), { type: 'job', seq: 2, job: job(0, null) }).running.size).toBe(0);
  });

  it('holds a window of tasks and lines, however long the job is', () => {
    const line = { task: 'job_x.1', attempt: 1, stream: 'stdout' as const, text: 'x' };
    const story = tell(settled(...Array.from({ length: 5_000 }, (_, key) => key)), { type: 'log', lines: Array.from({ length: 5_000 }, () => line) });
    expect(keysOf(story).length).toBe(200);
    expect(keysOf(story)[0]).toBe('4999');
    expect([story.log.length, story.log.at(-1)?.id, story.lines]).toEqual([400, 4_999, 5_000]);
  });

  it('is complete when the job has ended, so that the end of its stream is no loss', () => {
    expect(jobStory.isComplete(tell())).toBe(false);
    expect(jobStory.isComplete(tell({ type: 'job', seq: 1, job: job(1, null) }))).toBe(false);
    expect(jobStory.isComplete(tell({ type: 'job', seq: 1, job: job(0, 5) }))).toBe(true);
  });
});
