// The shell's public surface: what main.ts wires and what the API reads.
export { Coordinator, type CoordinatorParts } from './coordinator.ts';
export { Feed, type Unsubscribe } from './feed.ts';
export { createGateway, type Gateway } from './gateway.ts';
export { attemptKey, type Grants, hmacGrants, hostIdOf, networkOf, workerIdOf } from './grants.ts';
export { jsonTrouble } from './json-guard.ts';
export { LiveFeed } from './live-feed.ts';
export { type Blobs, outputCheck } from './output-check.ts';
export { Publisher, taskViewOf } from './publisher.ts';
export type { ArrayEntries, Clock, Connection, ConnectionSink, Journal, Timer, Timers, WorkerKey, WorkerKeys } from './seam.ts';
export { Throughput } from './throughput.ts';
export { type Intake, type OutFrame, type SessionSettings, type WorkerLink, WorkerSession } from './worker-session.ts';
