// Tasks that succeeded in each of the last 60 seconds of the monotonic clock.
const SECONDS = 60;

export class Throughput {
  private readonly perSecond: number[] = new Array<number>(SECONDS).fill(0);
  private second = 0;

  add(tasks: number, nowMs: number): void {
    this.advance(nowMs);
    const at = this.second % SECONDS;
    this.perSecond[at] = (this.perSecond[at] ?? 0) + tasks;
  }

  /** Oldest first; the last one is the second that runs now. */
  read(nowMs: number): { lastMinute: number; perSecond: number[] } {
    this.advance(nowMs);
    const perSecond = Array.from({ length: SECONDS }, (_, back) => this.perSecond[(this.second + 1 + back) % SECONDS] ?? 0);
    return { lastMinute: perSecond.reduce((sum, tasks) => sum + tasks, 0), perSecond };
  }

  private advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second - this.second >= SECONDS) this.perSecond.fill(0);
    else for (let at = this.second + 1; at <= second; at++) this.perSecond[at % SECONDS] = 0;
    this.second = Math.max(this.second, second);
  }
}
