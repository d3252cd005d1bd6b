// The shell's public surface: what main.ts wires and what the API reads.
export { Coordinator } from './coordinator.ts';
export { createGateway, type Gateway } from './gateway.ts';
export { type Grants, hmacGrants, hostIdOf, networkOf } from './grants.ts';
export { jsonTrouble } from './json-guard.ts';
export { outputCheck } from './output-check.ts';
export type { ArrayEntries, Connection, ConnectionSink, Timers, WorkerKeys } from './seam.ts';
export type { Intake, WorkerLink } from './worker-session.ts';
