// Who asks for bytes, as the API tells: it has checked the token or the worker key and the attempt; here only the consequences.
import type { IncomingMessage } from 'node:http';
import type { JobId } from '@udcs/protocol';

export interface ArtifactCaller {
  /** Owner whose artifacts these are: the token's, or the owner of the attempt's job. */
  readonly owner: string;
  readonly mayWrite: boolean;
  /** An admin reads every owner's. */
  readonly isAdmin: boolean;
  /** Set for a worker: the job of its open attempt, which bounds what it may read. */
  readonly attemptOf: JobId | null;
}

/** @throws UdcsError UNAUTHENTICATED, FORBIDDEN */
export type Authorize = (request: IncomingMessage) => Promise<ArtifactCaller>;
