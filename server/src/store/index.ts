// What the rest of the server uses of the store.
export { AccessStore, type HostRecord, type InviteRecord, type NewInvite, type TokenRecord } from './access-store.ts';
export { ArtifactCatalog, type NewArtifact } from './artifact-catalog.ts';
export { CommitError, type CommitFailure, type CommitGroup, type CommitResult, type Committer, type SqlResult, type Statement } from './committer.ts';
export { databasePath, openStore, openWriter, type Store, type StoreOptions } from './open-store.ts';
export { openReader, type StoreReader } from './reader.ts';
export type { ArtifactReader, ArtifactRow } from './reads/artifacts.ts';
export type { JobListInput, Page } from './reads/jobs.ts';
export { sweepEnded } from './retention.ts';
export type { StoreWriter, SubmitOutcome, SubmitRow } from './store.ts';
export { WriterQueue, type WriterQueueOptions } from './writer-queue.ts';
