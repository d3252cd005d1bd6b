// What the rest of the server uses of the artifacts.
export type { ArtifactCaller, Authorize } from './access.ts';
export { ArtifactBytes } from './artifact-bytes.ts';
export { collectArtifacts } from './collect.ts';
export { EntryFiles } from './entry-file.ts';
export { FileArtifactStore } from './file-store.ts';
export { createArtifactHandlers } from './handlers.ts';
