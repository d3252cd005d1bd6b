// Where the bytes of artifacts lie, named by their digest. The file system implements it now, S3's protocol later. Who may read
// what is not decided here (store/artifact-catalog.ts).
import type { Readable } from 'node:stream';
import type { Digest } from '@udcs/protocol';

export interface Upload {
  readonly owner: string;
  readonly digest: Digest;
  /** Bytes of an earlier, broken upload of this owner that `source` continues. */
  readonly offset: number;
  /** Whole size when it was announced, else null. */
  readonly totalBytes: number | null;
  /** Most bytes it may have in all. */
  readonly maxBytes: number;
  /** What is wrong when it has more. */
  readonly tooLarge: () => Error;
  readonly source: Readable;
  /** Looks at the complete, hashed file before it becomes the artifact; throws to refuse it. */
  readonly inspect?: (path: string) => Promise<void>;
}

export interface ArtifactStore {
  /**
   * Takes the bytes in. When it resolves they survive a power cut under their name.
   * @throws UdcsError WRONG_DIGEST (nothing is kept), CONFLICT (offset is not where the part ends), `tooLarge()`; a source that
   * breaks off leaves the part for a resume and throws INVALID_INPUT
   */
  write(upload: Upload): Promise<{ readonly sizeBytes: number }>;
  /** Bytes kept of a broken upload. */
  receivedBytes(owner: string, digest: Digest): Promise<number>;
  has(digest: Digest): Promise<boolean>;
  /** `bytes` bytes from `from`. Check `has` before: a missing file breaks the stream. */
  read(digest: Digest, from: number, bytes: number): Readable;
  remove(digest: Digest): Promise<void>;
  /** Digests stored before that time whose hex starts with the two digits `prefix`. */
  listBefore(prefix: string, beforeMs: number): Promise<Digest[]>;
  /** Removes parts of uploads that nobody went on with since `beforeMs`. @returns how many */
  sweepParts(beforeMs: number): Promise<number>;
}
