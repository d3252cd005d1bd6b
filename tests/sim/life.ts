// One start of the coordinator: the production loop, gateway and writer queue over a clock, timers, disk and sockets that all
// die with it. A fuse can be set to burn down over its effects (sends, writes, commits), so that a crash falls between any two.
import { UdcsError } from '@udcs/protocol';
import type { Fleet, TypeLookup } from '../../server/src/core/index.ts';
import type { Fact } from '../../server/src/core/seam.ts';
import {
  type Connection,
  type ConnectionSink,
  Coordinator,
  createGateway,
  type Gateway,
  hmacGrants,
  outputCheck,
  type Timers,
} from '../../server/src/shell/index.ts';
import { CommitError, type CommitGroup, type CommitResult, type Committer } from '../../server/src/store/committer.ts';
import type { StoreWriter } from '../../server/src/store/store.ts';
import { WriterQueue } from '../../server/src/store/writer-queue.ts';
import type { Agenda } from './agenda.ts';
import type { Disk } from './disk.ts';
import type { Random } from './random.ts';

export interface LifeParts {
  readonly agenda: Agenda;
  readonly disk: Disk;
  readonly random: Random;
  readonly types: TypeLookup;
  readonly keys: ReadonlyMap<string, { owner: string | null; hostKey: string; kind: 'browser' | 'native' }>;
  readonly commitMs: { readonly least: number; readonly most: number };
  /** Facts on their way to the store, in order. */
  readonly onFacts: (facts: readonly Fact[]) => void;
  readonly onCommitted: (group: CommitGroup, result: CommitResult) => void;
  /** It crashed: by its fuse, or because the shell said the process must end. */
  readonly onDeath: (life: Life, reason: string) => void;
}

const GRANT_KEY = new Uint8Array(32).fill(7);

export class Life {
  readonly coordinator: Coordinator;
  readonly writer: WriterQueue;
  alive = true;
  fuse: number | null = null;
  /** It was told to stop. */
  stopping = false;
  /** Set by the world to look at the fleet; null before boot. */
  fleet: Fleet | null = null;
  readonly sockets = new Set<() => void>();
  private readonly parts: LifeParts;
  private readonly gateway: Gateway;
  private readonly inFlight = new Set<CommitGroup>();

  constructor(parts: LifeParts) {
    this.parts = parts;
    const { agenda, random, types, keys } = parts;
    const clock = { monoMs: () => agenda.nowMs, wallMs: () => agenda.nowMs + agenda.wallOffsetMs };
    const timers = this.timers();
    this.writer = new WriterQueue(this.committer(), {
      wait: (ms) => new Promise((resolve) => this.later(ms, resolve)),
      onFatal: (error) => this.die(`writer: ${error.message}`),
    });
    const grants = hmacGrants(GRANT_KEY);
    const journal = { note: () => undefined };
    this.coordinator = new Coordinator({
      clock,
      timers,
      writer: this.watched(this.writer),
      grants,
      entries: { read: () => Promise.reject(new UdcsError('INPUT_UNAVAILABLE', 'no such artifact')) },
      types,
      journal,
      seed: random.next(),
      onFatal: (error) => this.die(`fatal: ${error.stack ?? error.message}`),
    });
    this.gateway = createGateway(
      {
        clock,
        timers,
        grants,
        journal,
        keys: { lookup: (key) => new Promise((resolve) => this.later(random.int(0, 3), () => resolve(keys.get(key) ?? null))) },
        outputs: outputCheck({ missing: () => Promise.resolve([]) }),
        messagesPerSecond: 100,
      },
      this.coordinator,
    );
  }

  async boot(): Promise<void> {
    await this.coordinator.boot();
    if (this.alive) this.fleet = this.coordinator.read((fleet) => fleet);
  }

  accept(connection: Connection, broken: () => void): ConnectionSink {
    this.sockets.add(broken);
    const sink = this.gateway.open({
      ...connection,
      get bufferedBytes() {
        return connection.bufferedBytes;
      },
      send: (text) => {
        if (this.burn()) connection.send(text);
      },
      close: (code, reason) => {
        if (this.alive) connection.close(code, reason);
      },
    });
    return {
      frame: (text) => {
        if (this.alive) sink.frame(text);
      },
      closed: () => {
        this.sockets.delete(broken);
        if (this.alive) sink.closed();
      },
    };
  }

  get strangers(): number {
    return this.gateway.strangers;
  }

  /** One effect on the outside. False = the process died before it. */
  private burn(): boolean {
    if (this.alive && this.fuse !== null && this.fuse-- <= 0) this.die('crash');
    return this.alive;
  }

  die(reason: string): void {
    if (!this.alive) return;
    this.alive = false;
    // What was being written is on disk whole or not at all.
    for (const group of this.inFlight) if (!this.parts.disk.full && this.parts.random.chance(0.5)) this.parts.onCommitted(group, this.parts.disk.apply(group));
    this.inFlight.clear();
    this.parts.onDeath(this, reason);
  }

  private later(ms: number, run: () => void): void {
    this.parts.agenda.in(ms, () => {
      if (!this.alive) return;
      run();
    });
  }

  private timers(): Timers {
    const { agenda } = this.parts;
    return {
      wakeAt: (monoMs, fn) => {
        const item = agenda.at(monoMs, () => {
          if (this.alive) fn();
        });
        return {
          cancel: () => {
            item.canceled = true;
          },
        };
      },
      soon: (fn) => {
        agenda.at(agenda.nowMs, () => {
          if (this.alive) fn();
        });
      },
    };
  }

  private watched(writer: WriterQueue): StoreWriter {
    return {
      boot: () => writer.boot(),
      submit: (rows) => writer.submit(rows),
      cancel: (job, atMs) => writer.cancel(job, atMs),
      reload: (jobs) => writer.reload(jobs),
      close: () => writer.close(),
      get backlog() {
        return writer.backlog;
      },
      write: (facts) => {
        if (!this.burn()) return new Promise(() => undefined);
        this.parts.onFacts(facts);
        return writer.write(facts);
      },
    };
  }

  private committer(): Committer {
    const { disk, random, commitMs } = this.parts;
    return {
      boot: () => new Promise((resolve) => this.later(random.int(1, 20), () => resolve(disk.boot()))),
      commit: (group) => new Promise((resolve, reject) => this.commit(group, random.int(commitMs.least, commitMs.most), resolve, reject)),
      reload: (jobs) => new Promise((resolve) => this.later(random.int(1, 10), () => resolve(disk.reload(jobs)))),
      close: () => Promise.resolve(),
    };
  }

  private commit(group: CommitGroup, ms: number, resolve: (result: CommitResult) => void, reject: (error: CommitError) => void): void {
    if (!this.burn()) return;
    const { disk, onCommitted, random } = this.parts;
    this.inFlight.add(group);
    this.later(ms, () => {
      this.inFlight.delete(group);
      if (disk.full) {
        reject(new CommitError('full', 'no space left'));
        return;
      }
      const result = disk.apply(group);
      onCommitted(group, result);
      // Durable, but nobody knows yet: a crash here loses the answer, not the rows.
      if (this.burn()) this.later(random.int(0, 2), () => resolve(result));
    });
  }
}
