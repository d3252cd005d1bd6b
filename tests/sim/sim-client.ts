// A submitter: sends jobs with idempotency keys, sends them again when no answer came, cancels some, watches its results as
// the feed shows them. It believes only what it was told.
import { type Job, type JobId, type JobSpec, makeId, normalizeJob, UdcsError } from '@udcs/protocol';
import type { Agenda } from './agenda.ts';
import type { Life } from './life.ts';
import type { Random } from './random.ts';
import type { Witness } from './witness.ts';

export interface Intent {
  readonly key: string;
  readonly owner: string;
  readonly job: Job;
  readonly after: readonly Intent[];
  readonly afterAny: readonly Intent[];
  readonly cancelAtMs: number | null;
  readonly submitAtMs: number;
  id: JobId | null;
  /** Refused for good (its upstream is unknown); never happens to a well-behaved client. */
  refused: string | null;
  canceled: boolean;
}

const RETRY_MS = 1_500;

export class SimClient {
  private readonly agenda: Agenda;
  private readonly random: Random;
  private readonly witness: Witness;
  /** The coordinator that serves now, or null. */
  private readonly life: () => Life | null;
  private readonly answerLost: () => boolean;
  private readonly intents: readonly Intent[];
  private readonly fail: (thrown: unknown) => void;

  constructor(parts: {
    agenda: Agenda;
    random: Random;
    witness: Witness;
    life: () => Life | null;
    answerLost: () => boolean;
    intents: readonly Intent[];
    fail: (thrown: unknown) => void;
  }) {
    this.fail = parts.fail;
    this.agenda = parts.agenda;
    this.random = parts.random;
    this.witness = parts.witness;
    this.life = parts.life;
    this.answerLost = parts.answerLost;
    this.intents = parts.intents;
    for (const intent of this.intents) this.agenda.at(intent.submitAtMs, () => this.submit(intent));
  }

  get done(): boolean {
    return this.intents.every((intent) => intent.id !== null);
  }

  /** Subscribes again after the coordinator came back. */
  watchAll(life: Life): void {
    for (const intent of this.intents) if (intent.id !== null) this.watch(life, intent.id);
  }

  private submit(intent: Intent): void {
    if (intent.id !== null) return;
    this.agenda.in(RETRY_MS + this.random.int(0, 1_000), () => this.submit(intent));
    const life = this.life();
    const upstream = [...intent.after, ...intent.afterAny];
    if (life === null || upstream.some((other) => other.id === null)) return;
    const spec: JobSpec = {
      ...normalizeJob(intent.job),
      after: intent.after.map((other) => other.id as JobId),
      afterAny: intent.afterAny.map((other) => other.id as JobId),
    };
    const wallMs = this.agenda.nowMs + this.agenda.wallOffsetMs;
    // The front door makes a new id for every call; the key decides whether it is used.
    const id = makeId('job', wallMs, this.random.bytes(10)) as JobId;
    const row = { job: { id, owner: intent.owner, spec, submittedAtMs: wallMs }, idempotencyKey: intent.key, payloadHash: intent.key };
    const copies = this.random.chance(0.1) ? [row, { ...row, job: { ...row.job, id: makeId('job', wallMs, this.random.bytes(10)) as JobId } }] : [row];
    life.coordinator.submit(copies).then(
      (outcomes) => {
        if (!life.alive || this.answerLost()) return;
        for (const outcome of outcomes) {
          if (!outcome.ok) return this.fail(new Error(`the store refused ${intent.key}: ${outcome.error.message}`));
          this.answered(life, intent, outcome.existing ? outcome.id : outcome.job.id);
        }
      },
      (thrown: unknown) => {
        if (!(thrown instanceof UdcsError)) this.fail(thrown);
      },
    );
  }

  private answered(life: Life, intent: Intent, id: JobId): void {
    this.witness.accepted(intent.key, id);
    if (intent.id !== null) return;
    intent.id = id;
    this.watch(life, id);
    if (intent.cancelAtMs !== null) this.agenda.at(intent.cancelAtMs, () => this.cancel(intent));
  }

  private cancel(intent: Intent): void {
    const life = this.life();
    if (intent.canceled || intent.id === null) return;
    this.agenda.in(RETRY_MS, () => this.cancel(intent));
    life?.coordinator.cancel(intent.id).then(
      () => {
        if (life.alive && !this.answerLost()) intent.canceled = true;
      },
      (thrown: unknown) => {
        if (!(thrown instanceof UdcsError)) this.fail(thrown);
      },
    );
  }

  private watch(life: Life, id: JobId): void {
    life.coordinator.feed.onJob(id, (event) => {
      if (event.type !== 'tasks' || !life.alive) return;
      for (const task of event.tasks) if (task.state === 'succeeded') this.witness.saw(`${id}.${task.key}`, task.value);
    });
  }
}
