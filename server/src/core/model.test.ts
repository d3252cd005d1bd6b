import type { AttemptRef, ErrorCode, JobId, WorkerId } from '@udcs/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Scene } from '../../tests/core/scene.ts';
import { subjectOf, whyNever } from './match/index.ts';
import { memoryCounters } from './status.ts';

/** What the test itself knows: every ref ever assigned to a worker, and how jobs were made. */
interface Known {
  readonly workers: WorkerId[];
  readonly jobs: JobId[];
  readonly given: { readonly worker: WorkerId; readonly ref: AttemptRef }[];
}

type Command = fc.Command<Known, Scene>;

const command = (name: string, run: (known: Known, scene: Scene) => void, check: (known: Known) => boolean = () => true): Command => ({
  check,
  run: (known, scene) => {
    run(known, scene);
    scene.place();
    known.given.length = 0;
    for (const [worker, list] of scene.held) for (const { task, epoch, attempt } of list) known.given.push({ worker, ref: { task, epoch, attempt } });
    checkMatches(scene);
  },
  toString: () => name,
});

/** Every live attempt sits on a worker that the naive predicate allows. */
function checkMatches(scene: Scene): void {
  for (const worker of scene.fleet.workers.values()) {
    for (const { need, task } of worker.attempts) {
      const reason = whyNever(need, subjectOf(worker, task.job.record.owner));
      if (reason !== null) throw new Error(`${worker.id} holds ${task.job.id}.${task.index}: ${reason.message}`);
    }
  }
}

const successOf = (ref: AttemptRef) => ({
  ...ref,
  value: null,
  outputs: {},
  exitCode: 0,
  log: null,
  usage: { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} },
});

const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)];
const at = fc.nat(1_000);
const codes: readonly ErrorCode[] = ['EXIT_CODE', 'MODULE_INVALID', 'DEVICE_LOST', 'INTERNAL', 'MEMORY_LIMIT'];
const oses = ['linux', 'darwin'] as const;

const joins = fc
  .record({
    os: fc.constantFrom(...oses),
    slots: fc.integer({ min: 1, max: 3 }),
    host: fc.nat(3),
    owner: fc.constantFrom('ann', null),
    memory: fc.integer({ min: 1, max: 4 }),
  })
  .map((wish) =>
    command(`join ${JSON.stringify(wish)}`, (known, scene) => {
      known.workers.push(
        scene.worker({ slots: wish.slots, host: `hst_${wish.host}`, owner: wish.owner, memoryBytes: wish.memory * 1e9, attributes: { 'os.name': wish.os } }),
      );
    }),
  );

const submits = fc
  .record({
    count: fc.integer({ min: 1, max: 5 }),
    os: fc.option(fc.constantFrom(...oses), { nil: null }),
    after: fc.option(at, { nil: null }),
    priority: fc.constantFrom(10, 50),
    owner: fc.constantFrom('ann', 'bob'),
    memory: fc.integer({ min: 1, max: 4 }),
    maxFailures: fc.option(fc.nat(2), { nil: null }),
  })
  .map((wish) =>
    command(`submit ${JSON.stringify(wish)}`, (known, scene) => {
      const upstream = wish.after === null ? undefined : pick(known.jobs, wish.after);
      known.jobs.push(
        scene.job({
          type: 'MOCK',
          spec: {},
          array: { count: wish.count },
          priority: wish.priority,
          owner: wish.owner,
          resources: { memoryBytes: wish.memory * 0.9e9 },
          ...(wish.os === null ? {} : { requires: [{ attr: 'os.name', op: '=' as const, value: wish.os }] }),
          ...(upstream === undefined ? {} : { after: [upstream] }),
          ...(wish.maxFailures === null ? {} : { maxFailures: wish.maxFailures }),
        }),
      );
    }),
  );

const onAttempt = (name: string, act: (scene: Scene, worker: WorkerId, ref: AttemptRef) => void) =>
  at.map((choice) =>
    command(`${name} ${choice}`, (known, scene) => {
      const given = pick(known.given, choice);
      if (given !== undefined) act(scene, given.worker, given.ref);
    }),
  );

const onWorker = (name: string, act: (scene: Scene, worker: WorkerId) => void) =>
  at.map((choice) =>
    command(`${name} ${choice}`, (known, scene) => {
      const worker = pick(known.workers, choice);
      if (worker !== undefined) act(scene, worker);
    }),
  );

const commands = [
  joins,
  submits,
  submits,
  onAttempt('start', (scene, worker, ref) => scene.start(worker, ref)),
  onAttempt('succeed', (scene, worker, ref) => void scene.succeed(worker, ref)),
  onAttempt('succeed', (scene, worker, ref) => void scene.succeed(worker, ref)),
  onAttempt('succeed twice', (scene, worker, ref) => {
    scene.succeed(worker, ref);
    scene.succeed(worker, ref);
  }),
  fc.tuple(at, fc.constantFrom(...codes)).map(([choice, code]) =>
    command(`fail ${code} ${choice}`, (known, scene) => {
      const given = pick(known.given, choice);
      if (given !== undefined) scene.fail(given.worker, code, given.ref);
    }),
  ),
  onAttempt('reject', (scene, worker, ref) => void scene.reject(worker, 'NO_ROOM', ref)),
  onAttempt('release', (scene, worker, ref) => void scene.release(worker, ref)),
  fc.tuple(at, at).map(([choice, other]) =>
    command(`foreign success ${choice} ${other}`, (known, scene) => {
      const given = pick(known.given, choice);
      const stranger = pick(known.workers, other);
      if (given === undefined || stranger === undefined || stranger === given.worker) return;
      const before = scene.facts.length;
      scene.apply({ type: 'worker.reported', worker: stranger, report: { succeeded: [successOf(given.ref)], started: [given.ref], released: [given.ref] } });
      if (scene.facts.length !== before) throw new Error(`${stranger} changed an attempt of ${given.worker}`);
    }),
  ),
  onWorker('close', (scene, worker) => void scene.close(worker)),
  onWorker('replace', (scene, worker) => void scene.close(worker, true)),
  onWorker('leave', (scene, worker) => void scene.apply({ type: 'worker.intent', worker, intent: 'leave' })),
  onWorker('drain', (scene, worker) => void scene.apply({ type: 'worker.intent', worker, intent: 'drain' })),
  onWorker('resume', (scene, worker) => void scene.apply({ type: 'worker.intent', worker, intent: 'resume' })),
  onWorker('come back', (scene, worker) => scene.comeBack(worker)),
  onWorker('pause', (scene, worker) => scene.renew(worker, { throttle: 0 })),
  onWorker('go on', (scene, worker) => scene.renew(worker, { throttle: 1 })),
  at.map((choice) =>
    command(`cancel ${choice}`, (known, scene) => {
      const job = pick(known.jobs, choice);
      if (job !== undefined) scene.apply({ type: 'job.canceled', job, atMs: scene.wallMs });
    }),
  ),
  fc.constantFrom(100, 2_500, 20_000).map((ms) => command(`wait ${ms}`, (_known, scene) => void scene.wait(ms))),
];

/** Facts say a consistent story: one end per task, seq without gaps or steps back, counters that add up. */
function checkFacts(scene: Scene): void {
  const settled = new Set<string>();
  for (const { job, key } of scene.ofType('task.settled')) {
    if (settled.has(`${job}.${key}`)) throw new Error(`${job}.${key} settled twice`);
    settled.add(`${job}.${key}`);
  }
  const seqs = new Map<string, number>();
  for (const { job, seq, total, succeeded, failed, canceled, endedAtMs } of scene.ofType('job.counted')) {
    if (seq !== (seqs.get(job) ?? 0) + 1) throw new Error(`${job}: seq ${seq} after ${seqs.get(job) ?? 0}`);
    seqs.set(job, seq);
    if (endedAtMs !== null && succeeded + failed + canceled !== total) throw new Error(`${job} ended with ${succeeded + failed + canceled} of ${total}`);
  }
}

/** Nothing goes wrong any more and good workers are here: everything must end. */
function finish(scene: Scene): void {
  for (const os of oses) for (const host of ['x', 'y']) scene.worker({ slots: 4, host: `hst_${host}`, attributes: { 'os.name': os } });
  for (let round = 0; round < 400 && scene.fleet.jobs.size > 0; round++) {
    scene.wait(1_500);
    for (const worker of scene.held.keys()) while (scene.holds(worker).length > 0) scene.succeed(worker);
  }
  expect(memoryCounters(scene.fleet)).toMatchObject({ jobs: 0, tasks: 0 });
}

it('keeps its books under any order of events, and ends every job once trouble stops (1,000 × 50)', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: 50, size: 'max' }), (list) => {
      const scene = new Scene();
      const workers = oses.map((os) => scene.worker({ slots: 2, attributes: { 'os.name': os } }));
      const jobs = [scene.job({ type: 'MOCK', spec: {}, array: { count: 8 } })];
      fc.modelRun(() => ({ model: { workers, jobs, given: [] }, real: scene }), list);
      checkFacts(scene);
      finish(scene);
      checkFacts(scene);
    }),
    { numRuns: 1_000 },
  );
});
