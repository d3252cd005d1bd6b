// What a donation looks like from outside: the limits its owner sets and the state its screens show. Plain data that travels
// from the control Worker to the page; no behaviour, so that a dashboard can import the types alone.
import type { ErrorRecord, TaskTypeName } from '@udcs/protocol';

export interface DonationLimits {
  /** Tasks at a time, one per core. */
  readonly cores: number;
  /** 0 = the GPU is not used; 1 = all of its time; between, the tab sleeps between submits. */
  readonly gpuShare: number;
  /** Memory that all running tasks together may reserve. */
  readonly memoryBytes: number;
  /** Downloads and uploads together, per local day. */
  readonly megabytesPerDay: number;
  /** Local hours of the day in which it may run, `from` included, `to` not; may pass midnight. null = always. */
  readonly hours: { readonly from: number; readonly to: number } | null;
  readonly onBattery: boolean;
}

/**
 * idle = nothing was started · joining = first connection · working = connected, takes tasks · paused = connected, holds nothing ·
 * offline = cut off, reconnects by itself, keeps its results · refused = the coordinator does not want this tab · left = ended.
 */
export type DonationPhase = 'idle' | 'joining' | 'working' | 'paused' | 'offline' | 'refused' | 'left';

/** Why it rests; `you` is the Pause button. */
export type PauseReason = 'you' | 'frozen' | 'battery' | 'hours' | 'data';

export interface CurrentTask {
  readonly task: string;
  readonly attempt: number;
  readonly type: TaskTypeName;
  /** What it does, in plain words. */
  readonly sentence: string;
  readonly progress: number | null;
  readonly startedAtMs: number;
}

export interface FinishedAttempt {
  readonly task: string;
  readonly epoch: number;
  readonly attempt: number;
  readonly type: TaskTypeName;
  readonly outcome: 'succeeded' | 'failed' | 'released' | 'dropped';
  readonly code: string | null;
  readonly wallMs: number;
  readonly endedAtMs: number;
}

export interface DonationState {
  readonly phase: DonationPhase;
  /** Why it takes no work, or will take none once it is connected. */
  readonly pausedBy: PauseReason | null;
  /** What is going on, one sentence for a person. */
  readonly sentence: string;
  readonly worker: string | null;
  readonly limits: DonationLimits;
  readonly tasks: readonly CurrentTask[];
  /** Results the coordinator has accepted. */
  readonly tasksDone: number;
  readonly tasksFailed: number;
  /** Down and up since the start of this donation. */
  readonly bytesUsed: number;
  readonly bytesToday: number;
  /** Share of this machine's cores it may use now, 0..1: the owner's limit, lowered while the machine is busy. */
  readonly cpuShare: number;
  readonly gpu: { readonly kind: 'none' | 'off' | 'software' | 'hardware'; readonly name: string | null };
  /** Task types that passed their self-check here. */
  readonly types: readonly TaskTypeName[];
  /** Why types are not offered: type → sentence. */
  readonly notOffered: Readonly<Record<string, string>>;
  readonly startedAtMs: number | null;
  readonly error: ErrorRecord | null;
  /** The last 200 attempts that ended here, oldest first. */
  readonly history: readonly FinishedAttempt[];
}

const GiB = 1024 ** 3;

/** Half the cores, no GPU, not on battery: what BOINC volunteers asked for after being burnt by more. */
export function defaultLimits(machine: { readonly hardwareConcurrency?: number; readonly deviceMemory?: number }): DonationLimits {
  return {
    cores: Math.max(1, Math.floor((machine.hardwareConcurrency ?? 2) / 2)),
    gpuShare: 0,
    memoryBytes: Math.max(GiB, Math.floor(((machine.deviceMemory ?? 4) * GiB) / 4)),
    megabytesPerDay: 2_000,
    hours: null,
    onBattery: false,
  };
}

export const idleState = (limits: DonationLimits): DonationState => ({
  phase: 'idle',
  pausedBy: null,
  sentence: 'Nothing runs. Press Start to lend this computer.',
  worker: null,
  limits,
  tasks: [],
  tasksDone: 0,
  tasksFailed: 0,
  bytesUsed: 0,
  bytesToday: 0,
  cpuShare: 0,
  gpu: { kind: 'none', name: null },
  types: [],
  notOffered: {},
  startedAtMs: null,
  error: null,
  history: [],
});
