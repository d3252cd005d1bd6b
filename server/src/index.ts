// What other rooms may take from the server: types of the router for pages, and the coordinator itself for tests.
export type { CoordinatorOptions } from './api/command-line.ts';
export { createLog } from './api/log.ts';
export type { ApiRouter } from './api/rpc/router.ts';
export { type RunningCoordinator, startCoordinator } from './assemble.ts';
