// What the rest of the server uses of the artifacts.
export type { ArtifactCaller, Authorize } from './access.ts';
export { ArtifactBytes, type ArtifactBytesOptions, type ReadableArtifact } from './artifact-bytes.ts';
export type { ArtifactStore, Upload } from './artifact-store.ts';
export { collectArtifacts } from './collect.ts';
export { EntryFiles } from './entry-file.ts';
export { FileArtifactStore } from './file-store.ts';
export { type ArtifactHandlersOptions, createArtifactHandlers } from './handlers.ts';
