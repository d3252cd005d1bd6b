// Everything a worker finds out before it joins: the machine, its sandbox, its adapter, and which executors pass their own
// check here. The result is what it advertises.
import { type Attributes, type Capabilities, TASK_TYPES, type TaskTypeName } from '@udcs/protocol';
import { isNativeTaskType } from '@udcs/tasks/native';
import type { Policy } from '../agent/policy.ts';
import type { GpuChoice } from '../executor/frames.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { findGpu } from './gpu.ts';
import { freeDiskBytes, type Machine } from './machine.ts';
import { measureSpeeds } from './speeds.ts';

/** Memory that stays for the system and for this process. */
const MEMORY_KEPT_BYTES = 512 * 1024 * 1024;
const DISK_SHARE = 0.5;

export interface Found {
  readonly attributes: Attributes;
  readonly devices: Capabilities['devices'];
  readonly gpu: GpuChoice | null;
  /** Why there is no adapter; null when there is one or nobody asked. */
  readonly noGpu: string | null;
}

export async function findOut(machine: Machine, sandbox: Sandbox, policy: Policy, stateDir: string): Promise<Found> {
  const wantsSpeeds = TASK_TYPES.some((type) => type !== 'MOCK' && isNativeTaskType(type) && policy.wants(type));
  const gpu = policy.wants('WGSL_KERNEL') ? await findGpu(stateDir) : null;
  const found = gpu === null || 'none' in gpu ? null : gpu;
  return {
    attributes: {
      ...machine.attributes,
      webgpu: false,
      ...found?.attributes,
      isolation: policy.levels,
      limits: sandbox.limits,
      ...(wantsSpeeds ? measureSpeeds(stateDir, found?.choice.description ?? '') : {}),
      ...(found === null ? {} : { 'speed.wgsl': Number(found.speedWgsl.toPrecision(3)) }),
    },
    devices: [...(found?.devices ?? [])],
    gpu: found?.choice ?? null,
    noGpu: gpu !== null && 'none' in gpu ? gpu.none : null,
  };
}

export interface TypeCheck {
  readonly type: TaskTypeName;
  /** Null = it works here. */
  readonly problem: string | null;
}

/** Checks every type that has an executor and that the owner wants; nothing is advertised that did not pass. */
export async function checkTypes(policy: Policy, found: Found, check: (type: TaskTypeName) => Promise<string | null>): Promise<TypeCheck[]> {
  const wanted = TASK_TYPES.filter((type) => isNativeTaskType(type) && policy.wants(type));
  return Promise.all(
    wanted.map(async (type) => ({ type, problem: type === 'WGSL_KERNEL' && found.gpu === null ? (found.noGpu ?? 'no WebGPU adapter') : await check(type) })),
  );
}

export interface Room {
  readonly slots?: number | undefined;
  readonly maxCpus?: number | undefined;
  readonly maxMemoryBytes?: number | undefined;
}

export function capabilitiesOf(machine: Machine, found: Found, checks: readonly TypeCheck[], policy: Policy, room: Room, stateDir: string): Capabilities {
  const types = checks.filter((check) => check.problem === null).map((check) => check.type);
  const cpus = Math.min(room.maxCpus ?? Number.POSITIVE_INFINITY, machine.cpus);
  const memoryBytes = Math.min(room.maxMemoryBytes ?? Number.POSITIVE_INFINITY, Math.max(MEMORY_KEPT_BYTES, machine.memoryBytes - MEMORY_KEPT_BYTES));
  return {
    types,
    untrustedTypes: types.filter((type) => policy.untrusted(type)),
    attributes: found.attributes,
    devices: found.devices,
    pools: {
      slots: room.slots ?? Math.max(1, Math.floor(cpus)),
      cpus,
      memoryBytes: Math.floor(memoryBytes),
      diskBytes: Math.floor(freeDiskBytes(stateDir) * DISK_SHARE),
    },
  };
}
