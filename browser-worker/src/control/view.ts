// Turns what the session holds into the state that screens draw. Pure; nothing here decides anything.
import type { ErrorRecord } from '@udcs/protocol';
import { type DonationLimits, type DonationPhase, type DonationState, idleState, type PauseReason } from '../page/state.ts';
import type { GpuReport } from './machine.ts';
import type { Proof } from './probe.ts';
import type { Traffic } from './traffic.ts';
import { sentenceFor } from './words.ts';
import type { WorkFloor } from './work-floor.ts';

export interface ViewFacts {
  readonly phase: DonationPhase;
  readonly rest: PauseReason | null;
  readonly limits: DonationLimits;
  readonly worker: string | null;
  readonly error: ErrorRecord | null;
  readonly startedAtMs: number;
  readonly slots: number;
  readonly floor: WorkFloor | null;
  readonly traffic: Traffic | null;
  readonly gpu: GpuReport | null;
  readonly proof: Proof;
  readonly nowMs: number;
}

export function viewOf(facts: ViewFacts): DonationState {
  const { floor, traffic, gpu, proof } = facts;
  const state: DonationState = {
    ...idleState(facts.limits),
    phase: facts.phase,
    pausedBy: facts.rest,
    worker: facts.worker,
    tasks: floor?.currentTasks() ?? [],
    tasksDone: floor?.tasksDone ?? 0,
    tasksFailed: floor?.tasksFailed ?? 0,
    bytesUsed: traffic?.sessionBytes ?? 0,
    bytesToday: traffic?.todayBytes ?? 0,
    cpuShare: Math.min(1, facts.slots / Math.max(1, navigator.hardwareConcurrency)),
    gpu: gpuView(gpu, facts.limits),
    types: proof.types,
    notOffered: proof.notOffered,
    startedAtMs: facts.startedAtMs,
    error: facts.error,
    history: floor === null ? [] : [...floor.history],
  };
  const last = floor?.lastTask ?? null;
  return { ...state, sentence: sentenceFor({ ...state, lastTask: last === null ? null : { sentence: last.sentence, agoMs: facts.nowMs - last.atMs } }) };
}

function gpuView(gpu: GpuReport | null, limits: DonationLimits): DonationState['gpu'] {
  if (gpu === null) return { kind: limits.gpuShare === 0 ? 'off' : 'none', name: null };
  return { kind: gpu.software ? 'software' : 'hardware', name: `${gpu.vendor} ${gpu.architecture}`.trim() };
}
