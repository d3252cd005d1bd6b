// Puts one session's pieces together: storage, threads, outbox, artifacts, floor, connection. Wiring only.
import { ArtifactCache } from './artifact-cache.ts';
import { Artifacts } from './artifacts.ts';
import { Connection, type ConnectionEvents } from './connection.ts';
import { Database } from './database.ts';
import type { Identity } from './identity.ts';
import { SOFTWARE } from './machine.ts';
import { Outbox } from './outbox.ts';
import { TaskThreads } from './task-threads.ts';
import { Traffic } from './traffic.ts';
import { type FloorEvents, type Policy, WorkFloor } from './work-floor.ts';

export interface Parts {
  readonly database: Database;
  readonly identity: Identity;
  readonly cache: ArtifactCache;
  readonly traffic: Traffic;
  readonly threads: TaskThreads;
  readonly outbox: Outbox;
  readonly floor: WorkFloor;
  readonly connection: Connection;
}

export interface PartsNeeds {
  readonly database: Database;
  readonly identity: Identity;
  readonly coordinatorUrl: string;
  readonly taskUrl: string;
  readonly key: () => string;
  readonly policy: Policy;
  readonly connectionEvents: ConnectionEvents;
  readonly floorEvents: FloorEvents;
  readonly trafficCounted: () => void;
}

export async function buildParts(needs: PartsNeeds): Promise<Parts> {
  const { database, identity, coordinatorUrl, taskUrl, key, policy, connectionEvents, floorEvents, trafficCounted } = needs;
  const [cache, traffic] = await Promise.all([ArtifactCache.open(database), Traffic.open(database)]);
  const threads = new TaskThreads(taskUrl);
  threads.setSlots(policy.limits.cores);
  threads.warm();
  const connection = new Connection(coordinatorUrl, connectionEvents);
  const outbox = new Outbox((frame) => connection.send(frame));
  const artifacts = new Artifacts({
    coordinatorUrl,
    cache,
    key,
    traffic: (bytes) => {
      traffic.add(bytes);
      trafficCounted();
    },
    changed: ({ added, dropped }) => connection.send({ type: 'cache', added: added.slice(0, 1_000), dropped: dropped.slice(0, 1_000) }),
  });
  const floor = new WorkFloor({ outbox, threads, artifacts, policy, software: SOFTWARE, events: floorEvents });
  return { database, identity, cache, traffic, threads, outbox, floor, connection };
}

/** Key pair, worker keys, measurements, cache: nothing of this browser profile stays. */
export async function eraseProfile(): Promise<void> {
  await Promise.all([Database.erase(), ArtifactCache.erase()]);
}
