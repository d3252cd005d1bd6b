// One seed, one run: a coordinator that dies and comes back, workers, a client, trouble, and after it a time in which
// everything must come to its end. Returns what happened, and what was broken, if anything was.
import type { ToWorker } from '@udcs/protocol';
import { explain, memoryCounters } from '../../server/src/core/index.ts';
import { Agenda } from './agenda.ts';
import { Disk, type DiskEntry } from './disk.ts';
import { type Gossip, HostileWorker } from './hostile.ts';
import { Life } from './life.ts';
import { drawProfile, type Profile, TROUBLES, type Trouble } from './profile.ts';
import { Random } from './random.ts';
import { SimClient } from './sim-client.ts';
import { simTypes } from './sim-types.ts';
import { SimWorker, type WorkerHabits, type WorkerOutside } from './sim-worker.ts';
import { Socket, type WorkerEnd } from './socket.ts';
import { Violation, Witness } from './witness.ts';

export interface RunResult {
  readonly seed: number;
  /** null = every promise held. */
  readonly broken: string | null;
  /** Digest of everything that went over the wire and to the disk, in order. */
  readonly trace: string;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly results: number;
}

const DAY_MS = 24 * 3_600_000;
/** After faults stop, everything must have ended within this. */
const SETTLE_WITHIN_MS = 20 * 60_000;
const STEPS_MAX = 200_000;
const MICRO_TURNS = 30;

export interface RunOptions {
  readonly onTrace?: (line: string) => void;
  /** Takes everything the disk was asked and answered. */
  readonly diskLog?: DiskEntry[];
}

export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const world = new World(seed, options.onTrace);
  world.disk.log = options.diskLog ?? null;
  const broken = await world.run();
  return { seed, broken, trace: world.traceHex, steps: world.steps, simulatedMs: world.agenda.nowMs, results: world.witness.results };
}

class World {
  readonly agenda = new Agenda();
  readonly disk = new Disk();
  readonly witness = new Witness(this.disk);
  steps = 0;
  private readonly random: Random;
  private readonly profile: Profile;
  private readonly workers: SimWorker[] = [];
  private readonly keys = new Map<string, { owner: string | null; hostKey: string; kind: 'native' }>();
  private readonly gossip: Gossip = { attempts: [], grants: [] };
  private readonly client: SimClient;
  private readonly onTrace: ((line: string) => void) | undefined;
  private life: Life | null = null;
  private failure: unknown = null;
  private faults = true;
  private trace = 0x811c9dc5;

  constructor(seed: number, onTrace: ((line: string) => void) | undefined) {
    this.onTrace = onTrace;
    this.random = new Random(seed);
    this.profile = drawProfile(this.random);
    for (let number = 0; number < this.profile.workers; number++) this.addWorker(number, false);
    if (this.profile.hostile) this.addWorker(this.profile.workers, true);
    const { answersLost } = this.profile;
    this.client = new SimClient({
      agenda: this.agenda,
      random: this.random,
      witness: this.witness,
      life: () => (this.life?.fleet ? this.life : null),
      answerLost: () => this.faults && this.random.chance(answersLost),
      intents: this.profile.intents,
      fail: (thrown) => this.fail(thrown),
    });
    this.startLife();
    for (const trouble of TROUBLES) this.plan(trouble);
    this.agenda.at(this.profile.faultsUntilMs, () => this.heal());
  }

  get traceHex(): string {
    return (this.trace >>> 0).toString(16).padStart(8, '0');
  }

  async run(): Promise<string | null> {
    const limitMs = this.profile.faultsUntilMs + SETTLE_WITHIN_MS;
    try {
      while (!this.finished() && this.agenda.nowMs < limitMs && this.steps < STEPS_MAX) {
        this.steps++;
        if (!this.agenda.step()) break;
        for (let turn = 0; turn < MICRO_TURNS; turn++) await undefined;
        this.check();
      }
      if (this.steps >= STEPS_MAX) throw new Violation(`the system comes to rest: still busy after ${STEPS_MAX} steps at ${this.agenda.nowMs} ms`);
      this.allEnded();
      this.witness.final();
      if (!this.client.done) throw new Violation('every submit is answered in the end');
      this.atRest();
    } catch (thrown) {
      return describe(thrown);
    } finally {
      if (this.life !== null) this.life.alive = false;
    }
    return null;
  }

  private check(): void {
    if (this.failure !== null) throw this.failure;
    if (this.witness.broken !== null) throw this.witness.broken;
    if (this.life?.alive && this.life.fleet !== null) this.witness.audit(this.life.fleet);
  }

  private finished(): boolean {
    if (this.faults || !this.client.done || this.life?.fleet == null) return false;
    for (const row of this.disk.jobs.values()) if (row.counted.endedAtMs === null) return false;
    return this.workers.every((worker) => worker.held.size === 0) && this.agenda.nowMs > this.profile.faultsUntilMs + 8_000;
  }

  private allEnded(): void {
    for (const [id, row] of this.disk.jobs) {
      if (row.counted.endedAtMs !== null) continue;
      const why = this.life?.fleet ? this.life.coordinator.read((fleet) => explain(fleet, id, undefined)) : null;
      throw new Violation(
        `every job ends once faults stop: ${id} ${JSON.stringify(row.counted)} canceled ${row.canceledAtMs}; ${JSON.stringify(why)}; workers: ${this.workers.map((worker) => worker.situation).join(', ')}`,
      );
    }
  }

  /** Nothing is kept of what has ended. */
  private atRest(): void {
    const life = this.life;
    if (life?.fleet == null) throw new Violation('the coordinator serves again');
    const live = [...life.fleet.jobs.values()].filter((job) => job.endedAtMs === null);
    if (live.length > 0) throw new Violation(`the fleet forgets ended jobs: ${live.map((job) => job.id).join()}`);
    const { jobs, waiting } = life.coordinator.sizes;
    if (jobs > 0 || waiting > 100) throw new Violation(`the shell forgets ended jobs: ${jobs} jobs, ${waiting} events`);
    const kept = memoryCounters(life.fleet);
    if (kept.tasks > 0 || kept.attempts > 0 || kept.timers > 200 || kept.journal > 200)
      throw new Violation(`what has ended takes no memory: ${JSON.stringify(kept)}`);
    for (const worker of life.fleet.workers.values()) {
      if (worker.attempts.size > 0 || worker.ending.size > 0 || worker.used.slots !== 0)
        throw new Violation(`an idle worker holds nothing: ${worker.id} ${worker.attempts.size}+${worker.ending.size}, slots ${worker.used.slots}`);
    }
  }

  private fail(thrown: unknown): void {
    this.failure ??= thrown;
  }

  private note(line: string): void {
    this.onTrace?.(`${String(this.agenda.nowMs).padStart(7)} ${line}`);
    let hash = this.trace;
    for (let at = 0; at < line.length; at++) hash = Math.imul(hash ^ line.charCodeAt(at), 0x01000193);
    this.trace = hash;
  }

  private addWorker(number: number, hostile: boolean): void {
    const { random } = this;
    const habits: WorkerHabits = {
      taskMs: random.pick([
        { least: 1, most: 40 },
        { least: 50, most: 2_000 },
        { least: 500, most: 6_000 },
      ]),
      failChance: random.pick([0, 0.05, 0.3]),
      rejectChance: random.pick([0, 0, 0.1]),
      slots: random.int(1, 3),
    };
    const identity = { key: `key-of-worker-${number}`, hostKey: random.hex(64), instance: random.hex(32) };
    this.keys.set(identity.key, { owner: random.pick(['own_a', null]), hostKey: identity.hostKey, kind: 'native' });
    const outside: WorkerOutside = {
      agenda: this.agenda,
      random,
      healthy: () => !this.faults,
      connect: (worker, end) => this.connect(worker, end, `10.0.${number}.7`),
      refused: (worker, code, message) => {
        if (!hostile && code !== 'OVERLOADED' && code !== 'UNAUTHENTICATED')
          this.fail(new Violation(`an honest worker is not refused: ${worker.name} ${code} ${message}`));
      },
      executed: (worker, ref) => this.note(`${worker.name} runs ${ref.task} ${ref.epoch} ${ref.attempt}`),
      said: (worker, message) => this.witness.heard(worker.id ?? '', message),
    };
    const worker = hostile ? new HostileWorker('hostile', identity, habits, outside) : new SimWorker(`worker-${number}`, identity, habits, outside);
    if (worker instanceof HostileWorker) worker.overhear(this.gossip);
    this.workers.push(worker);
    worker.reconnect(random.int(0, 3_000));
  }

  private connect(worker: SimWorker, end: WorkerEnd, address: string): Socket | null {
    const life = this.life;
    if (life === null || !life.alive || life.fleet === null) return null;
    const { instance } = worker;
    const seen = { id: '', instance };
    return new Socket(this.agenda, this.random, this.profile.net, life, address, end, (text) => {
      this.note(`${worker.name} < ${text}`);
      const message = JSON.parse(text) as ToWorker;
      if (message.type === 'welcome') {
        seen.id = message.worker;
        if (worker instanceof HostileWorker) this.witness.liars.add(message.worker);
      }
      if (message.type === 'assign') {
        const attempts = message.tasks.map(({ task, epoch, attempt }) => ({ task, epoch, attempt }));
        this.gossip.attempts.push(...attempts);
        this.gossip.grants.push({ attempts, mac: message.mac });
      }
      this.witness.sent(seen, message, life.fleet);
    });
  }

  private startLife(): void {
    this.note(`coordinator starts`);
    const life: Life = new Life({
      agenda: this.agenda,
      disk: this.disk,
      random: this.random,
      types: simTypes,
      keys: this.keys,
      commitMs: this.profile.commitMs,
      onFacts: (facts) => this.witness.facts(facts),
      onCommitted: (group, result) => {
        const { facts, submits, cancels } = group;
        this.note(`disk ${facts.length} facts, ${submits.length} submits, ${cancels.length} cancels, ${result.refused.length} refused`);
        if (this.onTrace !== undefined)
          for (const fact of facts) this.onTrace(`          ${result.refused.includes(fact) ? 'refused ' : ''}${JSON.stringify(fact)}`);
        this.witness.committed(group, result);
      },
      onDeath: (dead, reason) => this.died(dead, reason),
    });
    this.life = life;
    life.boot().then(
      () => {
        if (life.alive) this.client.watchAll(life);
      },
      (thrown: unknown) => this.fail(thrown),
    );
  }

  private died(life: Life, reason: string): void {
    this.note(`coordinator dies: ${reason}`);
    // A store that still can not write when the coordinator stops ends it, too: nothing was promised of what it had.
    if (reason !== 'crash' && !life.stopping) this.fail(this.witness.broken ?? new Violation(`the coordinator does not break by itself: ${reason}`));
    if (this.life !== life) return;
    this.witness.lifeEnded();
    this.life = null;
    for (const broken of [...life.sockets]) broken();
    this.agenda.in(this.random.int(0, 3_000), () => this.startLife());
  }

  private plan(trouble: Trouble): void {
    for (let times = 0; times < this.profile.troubles[trouble]; times++) {
      this.agenda.at(this.random.int(100, this.profile.faultsUntilMs - 1), () => {
        this.note(`trouble ${trouble}`);
        this.strike(trouble);
      });
    }
  }

  private strike(trouble: Trouble): void {
    const { random, agenda } = this;
    const worker = random.pick(this.workers);
    switch (trouble) {
      case 'coordinatorCrash':
        this.life?.die('crash');
        return;
      case 'shutdown':
        this.shutDown();
        return;
      case 'fuse':
        if (this.life !== null) this.life.fuse = random.int(0, 30);
        return;
      case 'workerCrash':
        worker.crash(random.int(100, 40_000));
        return;
      case 'freeze':
        worker.freeze(random.int(1_000, 40_000));
        return;
      case 'cutLine':
        worker.cutLine(true);
        return;
      case 'silentCut':
        worker.cutLine(false);
        return;
      case 'drain':
        worker.intend('drain');
        agenda.in(random.int(1_000, 20_000), () => worker.intend('resume'));
        return;
      case 'leave':
        worker.intend('leave');
        return;
      case 'clockJump':
        agenda.wallOffsetMs += random.pick([-DAY_MS, DAY_MS, 3_600_000, -60_000]);
        return;
      case 'diskFull':
        this.disk.full = true;
        agenda.in(random.int(100, 20_000), () => {
          this.disk.full = false;
        });
        return;
    }
  }

  /** SIGTERM: drains for a while, then the process ends and another one starts. */
  private shutDown(): void {
    const life = this.life;
    if (life === null || life.fleet === null || life.stopping) return;
    life.stopping = true;
    life.coordinator.drain(this.random.int(100, 10_000)).then(
      () => life.die('crash'),
      (thrown: unknown) => this.fail(thrown),
    );
  }

  private heal(): void {
    this.note('faults stop');
    this.faults = false;
    this.disk.full = false;
    if (this.life !== null) this.life.fuse = null;
    for (const worker of this.workers) {
      if (worker instanceof HostileWorker) {
        worker.evil = false;
        worker.crash(1_000);
      } else worker.recover();
    }
  }
}

function describe(thrown: unknown): string {
  if (thrown instanceof Violation) return thrown.message;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
