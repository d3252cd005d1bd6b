// Bytes down and up, since the start and per local day; the day's sum survives a reload, so a daily limit means what it says.
import type { Database } from './database.ts';

interface Day {
  readonly day: string;
  readonly bytes: number;
}

const SAVE_MS = 2_000;

function today(now: Date): string {
  return `${now.getFullYear()}-${now.getMonth() + 1}-${now.getDate()}`;
}

export class Traffic {
  readonly #database: Database;
  #day: Day;
  #unsaved = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  sessionBytes = 0;

  private constructor(database: Database, day: Day) {
    this.#database = database;
    this.#day = day;
  }

  static async open(database: Database): Promise<Traffic> {
    return new Traffic(database, (await database.get<Day>('settings', 'traffic')) ?? { day: today(new Date()), bytes: 0 });
  }

  add(bytes: number): void {
    this.sessionBytes += bytes;
    this.#day = { day: today(new Date()), bytes: this.todayBytes + bytes };
    this.#unsaved += bytes;
    this.#timer ??= setTimeout(() => void this.#save(), SAVE_MS);
  }

  get todayBytes(): number {
    return this.#day.day === today(new Date()) ? this.#day.bytes : 0;
  }

  /** Adds to what stands there: another tab of this profile counts too. */
  async #save(): Promise<void> {
    this.#timer = undefined;
    const bytes = this.#unsaved;
    this.#unsaved = 0;
    const stored = await this.#database.get<Day>('settings', 'traffic');
    const day = today(new Date());
    this.#day = { day, bytes: (stored?.day === day ? stored.bytes : 0) + bytes };
    await this.#database.put('settings', 'traffic', this.#day);
  }
}
