// One native worker from its options to its end: find out, check, join, work. Also what `udcs worker` and benches import.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Capabilities, limits, UdcsError } from '@udcs/protocol';
import { Agent } from './agent/agent.ts';
import { ArtifactCache } from './agent/artifact-cache.ts';
import { ExecutionLog } from './agent/execution-log.ts';
import { Identity, parseJoinUrl, type SavedJoin } from './agent/identity.ts';
import { InputFetcher } from './agent/inputs.ts';
import { Policy } from './agent/policy.ts';
import { Transfer } from './agent/transfer.ts';
import { Workbench } from './agent/workbench.ts';
import { capabilitiesOf, checkTypes, findOut } from './detect/detect.ts';
import { LoadMeter } from './detect/load.ts';
import { detectMachine, freeDiskBytes } from './detect/machine.ts';
import { describeWorker } from './detect/table.ts';
import { ExecutorPool } from './executor/executor-pool.ts';
import { defaultName, defaultStateDir, type WorkerOptions } from './options.ts';
import { probeSandbox } from './sandbox/sandbox.ts';
import { lockState } from './state-lock.ts';

const SOFTWARE = 'udcs-native-worker/0.1.0';
const CACHE_MAX_BYTES = 10 * 1024 ** 3;
const CACHE_DISK_SHARE = 0.1;

export type WorkerEvent =
  | { readonly type: 'detected'; readonly capabilities: Capabilities; readonly table: string }
  | { readonly type: 'connecting'; readonly url: string }
  | { readonly type: 'joined'; readonly worker: string; readonly url: string; readonly pid: number }
  | { readonly type: 'disconnected'; readonly reason: string };

export interface NativeWorker {
  /** Resolves when it ended by a drain or leave. @throws UdcsError UNAUTHENTICATED when the coordinator refuses it for good */
  readonly done: Promise<void>;
  /** Attempts it holds now. */
  holding(): number;
  drain(reason: string): void;
  leave(reason: string): void;
}

/** @throws UdcsError INVALID_INPUT, CONFLICT, UNREACHABLE, or what the coordinator answered to the join */
export async function runNativeWorker(options: WorkerOptions, onEvent: (event: WorkerEvent) => void = () => {}): Promise<NativeWorker> {
  const stateDir = resolve(options.stateDir ?? defaultStateDir());
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const unlock = lockState(stateDir);
  try {
    return await assemble(options, stateDir, onEvent, unlock);
  } catch (thrown) {
    unlock();
    throw thrown;
  }
}

async function assemble(options: WorkerOptions, stateDir: string, onEvent: (event: WorkerEvent) => void, unlock: () => void): Promise<NativeWorker> {
  const name = options.name ?? defaultName();
  const identity = new Identity(stateDir);
  const invite = options.joinUrl === undefined ? null : parseJoinUrl(options.joinUrl);
  if (invite === null && identity.saved() === null) {
    throw new UdcsError('INVALID_INPUT', 'this machine has not joined a coordinator yet', {
      hint: 'give a join URL, http://host:port/join#CODE; `udcs invite` prints one',
    });
  }
  const sandbox = probeSandbox(stateDir);
  const policy = new Policy({ allow: options.allow ?? [], deny: options.deny ?? [], allowMock: options.allowMock ?? false }, sandbox);
  const machine = detectMachine();
  const found = await findOut(machine, sandbox, policy, stateDir);
  const slots = options.slots ?? machine.cpus;
  const pool = new ExecutorPool({ sandbox, folder: join(stateDir, 'executors'), idleMax: Math.min(slots, machine.cpus) + 1 });
  pool.configure(found.attributes, found.gpu);
  try {
    const checks = await checkTypes(policy, found, (type) => (type === 'WASM' || type === 'WGSL_KERNEL' ? pool.selfCheck(type) : Promise.resolve(null)));
    const capabilities = capabilitiesOf(machine, found, checks, policy, options, stateDir);
    if (capabilities.types.length === 0)
      throw new UdcsError('UNSUPPORTED', `this machine can run nothing that it may run:\n${describeWorker(capabilities, found, checks, policy, sandbox)}`);
    onEvent({ type: 'detected', capabilities, table: describeWorker(capabilities, found, checks, policy, sandbox) });
    const joined = await joinOnce(identity, invite, name);
    for (const type of capabilities.types) if (type === 'WASM' || type === 'WGSL_KERNEL') pool.warm(type);
    return work({ stateDir, name, joined, capabilities, policy, pool, sandbox, onEvent, unlock });
  } catch (thrown) {
    await pool.close();
    throw thrown;
  }
}

/** A URL that was used already is no reason to fail on a restart with the same command. */
async function joinOnce(identity: Identity, invite: { url: string; code: string } | null, name: string): Promise<SavedJoin> {
  const saved = identity.saved();
  if (invite === null && saved !== null) return saved;
  if (invite === null) throw new UdcsError('INVALID_INPUT', 'this machine has not joined a coordinator yet');
  try {
    return await identity.join(invite.url, invite.code, name);
  } catch (thrown) {
    const refused = thrown instanceof UdcsError && thrown.code !== 'UNREACHABLE';
    if (refused && saved !== null && saved.url === invite.url) return saved;
    throw thrown;
  }
}

interface Parts {
  readonly stateDir: string;
  readonly name: string;
  readonly joined: SavedJoin;
  readonly capabilities: Capabilities;
  readonly policy: Policy;
  readonly pool: ExecutorPool;
  readonly sandbox: ReturnType<typeof probeSandbox>;
  readonly onEvent: (event: WorkerEvent) => void;
  readonly unlock: () => void;
}

function work(parts: Parts): NativeWorker {
  const { stateDir, joined, capabilities, onEvent } = parts;
  const transfer = new Transfer(joined.url, joined.key);
  const cacheBytes = Math.min(CACHE_MAX_BYTES, freeDiskBytes(stateDir) * CACHE_DISK_SHARE);
  const cache = new ArtifactCache(join(stateDir, 'cache'), cacheBytes, (added, dropped) => agent.cacheChanged(added, dropped));
  const workbench = new Workbench({
    pool: parts.pool,
    sandbox: parts.sandbox,
    attributes: capabilities.attributes,
    inputs: new InputFetcher(cache, transfer),
    transfer,
    folder: join(stateDir, 'work'),
  });
  const meter = new LoadMeter(stateDir);
  let settle: { resolve: () => void; reject: (error: UdcsError) => void } | null = null;
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const agent: Agent = new Agent(
    {
      url: joined.url,
      key: joined.key,
      name: parts.name,
      hostKey: joined.hostKey,
      instance: randomBytes(16).toString('hex'),
      software: SOFTWARE,
      capabilities,
      policy: parts.policy,
      workbench,
      cache,
      executionLog: new ExecutionLog(process.env['UDCS_EXECUTION_LOG']),
      orphanMs: limits.orphanMs,
      load: () => meter.read(),
    },
    {
      onJoined: (worker) => onEvent({ type: 'joined', worker, url: joined.url, pid: process.pid }),
      onLost: (reason) => onEvent({ type: 'disconnected', reason }),
      onEnd: (problem) => {
        cache.close();
        transfer.close();
        void parts.pool.close().then(() => {
          parts.unlock();
          if (problem === null) settle?.resolve();
          else
            settle?.reject(new UdcsError('UNAUTHENTICATED', `the coordinator refused this worker: ${problem}`, { hint: 'join again with a fresh join URL' }));
        });
      },
    },
  );
  onEvent({ type: 'connecting', url: joined.url });
  agent.start();
  return { done, holding: () => agent.holding, drain: (reason) => agent.drain(reason), leave: (reason) => agent.leave(reason) };
}
