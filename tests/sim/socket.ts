// A TCP-like connection between a simulated worker and a life: order holds while it lives, delay varies, and when it breaks
// each side learns of it in its own time or, from a vanished machine, never. What was under way is lost on that side.
import type { Agenda } from './agenda.ts';
import type { Life } from './life.ts';
import type { Random } from './random.ts';

export interface NetProfile {
  readonly delayMs: { readonly least: number; readonly most: number };
  /** How long a side may take to notice that the other is gone. */
  readonly noticeMs: number;
}

export interface WorkerEnd {
  received(text: string): void;
  closed(code: number): void;
}

export class Socket {
  private upMs = 0;
  private downMs = 0;
  private upOpen = true;
  private downOpen = true;
  private readonly agenda: Agenda;
  private readonly random: Random;
  private readonly profile: NetProfile;
  private readonly sink: { frame(text: string): void; closed(): void };
  private readonly end: WorkerEnd;

  constructor(agenda: Agenda, random: Random, profile: NetProfile, life: Life, address: string, end: WorkerEnd, onSent: (text: string) => void) {
    this.agenda = agenda;
    this.random = random;
    this.profile = profile;
    this.end = end;
    this.sink = life.accept(
      {
        remoteAddress: address,
        bufferedBytes: 0,
        pause: () => undefined,
        resume: () => undefined,
        send: (text) => {
          onSent(text);
          this.down(() => this.end.received(text));
        },
        close: (code) => {
          this.upOpen = false;
          this.down(() => this.closeDown(code));
        },
      },
      () => this.serverDied(),
    );
  }

  /** Worker → coordinator. */
  send(text: string): void {
    this.upMs = Math.max(this.upMs, this.agenda.nowMs + this.delay());
    this.agenda.at(this.upMs, () => {
      if (this.upOpen) this.sink.frame(text);
    });
  }

  /** The worker closes in good order. */
  close(): void {
    this.downOpen = false;
    this.agenda.at(Math.max(this.upMs, this.agenda.nowMs + this.delay()), () => {
      if (!this.upOpen) return;
      this.upOpen = false;
      this.sink.closed();
    });
  }

  /** The line breaks: both directions lose what is under way; each side notices later, the coordinator perhaps never. */
  break(coordinatorNotices: boolean): void {
    this.upOpen = false;
    if (coordinatorNotices) this.agenda.in(this.random.int(0, this.profile.noticeMs), () => this.sink.closed());
    this.workerNotices();
  }

  /** Only the way up stops working for the worker's side; frames already sent still arrive, late. */
  abandon(coordinatorNotices: boolean): void {
    this.downOpen = false;
    if (!coordinatorNotices) return;
    this.agenda.at(Math.max(this.upMs, this.agenda.nowMs) + this.random.int(0, this.profile.noticeMs), () => {
      if (!this.upOpen) return;
      this.upOpen = false;
      this.sink.closed();
    });
  }

  private serverDied(): void {
    this.upOpen = false;
    this.workerNotices();
  }

  private workerNotices(): void {
    if (!this.downOpen) return;
    this.downOpen = false;
    this.agenda.in(this.random.int(0, this.profile.noticeMs), () => this.end.closed(1006));
  }

  private down(deliver: () => void): void {
    this.downMs = Math.max(this.downMs, this.agenda.nowMs + this.delay());
    this.agenda.at(this.downMs, () => {
      if (this.downOpen) deliver();
    });
  }

  private closeDown(code: number): void {
    this.downOpen = false;
    this.end.closed(code);
  }

  private delay(): number {
    const { least, most } = this.profile.delayMs;
    return this.random.chance(0.02) ? this.random.int(most, most * 10) : this.random.int(least, most);
  }
}
