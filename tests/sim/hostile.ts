// A worker that lies. It has a valid key, takes work like the others, and besides reports on attempts of others, shows grants
// it overheard or made up, repeats itself with other results, and sends rubbish.
import type { AttemptRef, Grant, ToWorker, WorkerReport } from '@udcs/protocol';
import { SimWorker } from './sim-worker.ts';

/** What it has overheard: attempts of everybody, and the grants that went with them. */
export interface Gossip {
  readonly attempts: AttemptRef[];
  readonly grants: Grant[];
}

const USAGE = { wallMs: 1, cpuMs: null, gpuMs: null, peakMemoryBytes: null, versions: {} };

export class HostileWorker extends SimWorker {
  private gossip: Gossip = { attempts: [], grants: [] };
  evil = true;

  overhear(gossip: Gossip): void {
    this.gossip = gossip;
  }

  protected override hello(): ReturnType<SimWorker['hello']> {
    const hello = super.hello();
    const { random } = this.outside;
    if (!this.evil || hello.type !== 'hello' || this.gossip.attempts.length === 0) return hello;
    const claims = Array.from({ length: 3 }, () => this.someAttempt());
    const grants = random.chance(0.5) ? this.gossip.grants.slice(-5) : [{ attempts: claims, mac: random.hex(43) }];
    const known = new Set(hello.holding.map((ref) => `${ref.task}/${ref.epoch}/${ref.attempt}`));
    const fresh = claims.filter(
      (ref, at) => !known.has(`${ref.task}/${ref.epoch}/${ref.attempt}`) && claims.findIndex((other) => other.task === ref.task) === at,
    );
    return {
      ...hello,
      holding: [...hello.holding, ...fresh.map((ref) => ({ ...ref, state: random.pick(['offered', 'running', 'finished'] as const) }))],
      grants: [...hello.grants, ...grants],
    };
  }

  protected override welcome(message: Extract<ToWorker, { type: 'welcome' }>): void {
    super.welcome(message);
    this.mischief();
  }

  private mischief(): void {
    if (!this.evil) return;
    const { random } = this.outside;
    this.later(random.int(200, 3_000), () => {
      if (!this.evil) return;
      if (this.online && this.gossip.attempts.length > 0) this.lie();
      if (this.online) this.mischief();
    });
  }

  private lie(): void {
    const { random } = this.outside;
    const ref = this.someAttempt();
    const success = (value: string): WorkerReport => ({ type: 'report', succeeded: [{ ...ref, value, outputs: {}, exitCode: 0, log: null, usage: USAGE }] });
    const tricks: (() => void)[] = [
      () => this.say(success(`forged ${random.hex(8)}`)),
      () => {
        this.say(success(`twice ${random.hex(8)}`));
        this.say(success(`twice ${random.hex(8)}`));
      },
      () => this.say({ type: 'report', started: [ref], released: [ref], rejected: [{ ...ref, code: 'POLICY', message: 'forged' }] }),
      () => this.say({ type: 'report', failed: [{ ...ref, code: 'KERNEL_COMPILE', message: 'forged', exitCode: null, signal: null, log: null, usage: null }] }),
      () =>
        this.say({
          type: 'renew',
          load: { cpuOthers: 0, memoryFreeBytes: 0, diskFreeBytes: 0, battery: null, throttle: 1, devices: [] },
          attempts: [{ ...ref, progress: 1 }],
        }),
      () => this.socket?.send('['.repeat(random.int(1, 200))),
      () => this.socket?.send(JSON.stringify({ type: 'report', succeeded: [{ ...ref, __proto__: null, value: 1 }] })),
      () => this.socket?.send(JSON.stringify({ type: 'unheard of' })),
    ];
    random.pick(tricks)();
  }

  /** Somebody's attempt, as it was or slightly off. */
  private someAttempt(): AttemptRef {
    const { random } = this.outside;
    const ref = random.pick(this.gossip.attempts);
    return random.chance(0.7) ? ref : { ...ref, epoch: Math.max(0, ref.epoch + random.int(-1, 1)), attempt: ref.attempt + random.int(0, 2) };
  }
}
