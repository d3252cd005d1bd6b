// What the rest of the server uses of the store.
export type { AccessStore } from './access-store.ts';
export type { ArtifactCatalog } from './artifact-catalog.ts';
export { openStore, type Store } from './open-store.ts';
export type { StoreReader } from './reader.ts';
export { sweepEnded } from './retention.ts';
export type { StoreWriter } from './store.ts';
