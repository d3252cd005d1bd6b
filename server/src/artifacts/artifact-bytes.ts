// Artifacts as bytes to read, wherever they lie: a file, the database (small outputs), or a manifest's parts; and their way in,
// with quota, media type and the row that makes them count.
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Digest, limits, MANIFEST_MEDIA_TYPE, type Manifest, UdcsError } from '@udcs/protocol';
import type { ArtifactCatalog } from '../store/artifact-catalog.ts';
import type { ArtifactReader, ArtifactRow } from '../store/reads/artifacts.ts';
import type { ArtifactStore } from './artifact-store.ts';
import type { ByteRange } from './byte-ranges.ts';
import { DigestLocks } from './digest-locks.ts';
import { checkParts, joinedStream, parseManifest } from './manifest-stream.ts';

/** Text of a manifest of a million parts. */
const MANIFEST_BYTES = 192 * 1024 * 1024;
const MANIFESTS_KEPT = 16;

export interface ReadableArtifact {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** Parts joined; its digest is that of the list, not of these bytes. */
  readonly isJoined: boolean;
  open(range: ByteRange): Readable;
}

export interface ArtifactBytesOptions {
  readonly store: ArtifactStore;
  readonly catalog: ArtifactCatalog;
  readonly wallMs: () => number;
  readonly quotaBytes?: number;
  readonly maxBytes?: number;
}

export class ArtifactBytes {
  readonly store: ArtifactStore;
  readonly catalog: ArtifactCatalog;
  readonly locks = new DigestLocks();
  readonly quotaBytes: number;
  readonly #maxBytes: number;
  readonly #wallMs: () => number;
  /** Bytes of uploads that are under way, by owner: they count before they are there. */
  readonly #arriving = new Map<string, number>();
  readonly #manifests = new Map<Digest, Manifest>();

  constructor(options: ArtifactBytesOptions) {
    this.store = options.store;
    this.catalog = options.catalog;
    this.quotaBytes = options.quotaBytes ?? limits.ownerQuotaBytes;
    this.#maxBytes = options.maxBytes ?? limits.artifactBytes;
    this.#wallMs = options.wallMs;
  }

  /** @param raw the manifest itself instead of what it joins. @throws UdcsError NOT_FOUND */
  async find(reader: ArtifactReader, digest: Digest, raw = false): Promise<ReadableArtifact> {
    const row = await this.catalog.find({ ...reader, digest });
    if (row === null) throw notFound(digest);
    if (row.mediaType === MANIFEST_MEDIA_TYPE && !raw) return this.#joined(row, await this.#manifest(digest));
    return this.#plain(row);
  }

  /**
   * Takes an upload in and records it. Holding it already costs nothing: the bytes are checked all the same.
   * @throws UdcsError TOO_LARGE, QUOTA_EXCEEDED, WRONG_DIGEST, CONFLICT, INVALID_INPUT, UNKNOWN_ARTIFACT
   */
  async take(upload: {
    owner: string;
    digest: Digest;
    offset: number;
    totalBytes: number | null;
    mediaType: string;
    source: Readable;
  }): Promise<{ sizeBytes: number }> {
    const { owner, digest, offset, totalBytes, mediaType, source } = upload;
    const isManifest = mediaType === MANIFEST_MEDIA_TYPE;
    const mostBytes = isManifest ? Math.min(MANIFEST_BYTES, this.#maxBytes) : this.#maxBytes;
    const room = this.quotaBytes - this.catalog.usedBytes(owner) - (this.#arriving.get(owner) ?? 0);
    const maxBytes = Math.max(0, Math.min(mostBytes, room));
    const tooLarge = (): UdcsError =>
      room < mostBytes
        ? overQuota(owner, this.quotaBytes)
        : new UdcsError('TOO_LARGE', `an artifact has at most ${mostBytes} bytes`, {
            hint: isManifest ? 'join manifests of fewer parts' : 'split it and join the parts with a manifest',
          });
    if (totalBytes !== null && totalBytes > maxBytes) throw tooLarge();
    const reserved = totalBytes ?? 0;
    this.#arriving.set(owner, (this.#arriving.get(owner) ?? 0) + reserved);
    const release = await this.locks.hold(digest);
    try {
      let parts: readonly Digest[] = [];
      const inspect = async (path: string): Promise<void> => {
        parts = await this.#checkManifest(owner, await readFile(path, 'utf8'));
      };
      const { sizeBytes } = await this.store.write({ owner, digest, offset, totalBytes, maxBytes, tooLarge, source, ...(isManifest ? { inspect } : {}) });
      await this.catalog.add({ digest, sizeBytes, mediaType, owner, atMs: this.#wallMs(), parts });
      return { sizeBytes };
    } finally {
      release();
      const left = (this.#arriving.get(owner) ?? 0) - reserved;
      if (left > 0) this.#arriving.set(owner, left);
      else this.#arriving.delete(owner);
    }
  }

  /** @returns the parts, each of which is a stored artifact from here on */
  async #checkManifest(owner: string, text: string): Promise<readonly Digest[]> {
    const manifest = parseManifest(text);
    const digests = [...new Set(manifest.parts.map((part) => part.digest))];
    const known = await this.catalog.getSizes(owner, digests);
    checkParts(manifest, new Map(known.map(({ digest, sizeBytes }) => [digest, sizeBytes])));
    // Small outputs live in the database as long as their job; a manifest may live longer, so its parts become files.
    for (const { digest, inline } of known) if (inline) await this.#materialise(owner, digest);
    return digests;
  }

  async #materialise(owner: string, digest: Digest): Promise<void> {
    const row = await this.catalog.find({ owner, digest });
    if (row === null || row.base64 === null) return;
    const source = Readable.from([Buffer.from(row.base64, 'base64')]);
    const tooLarge = (): UdcsError => overQuota(owner, this.quotaBytes);
    await this.store.write({ owner, digest, offset: 0, totalBytes: row.sizeBytes, maxBytes: row.sizeBytes, tooLarge, source });
    await this.catalog.add({ digest, sizeBytes: row.sizeBytes, mediaType: row.mediaType, owner, atMs: this.#wallMs(), parts: [] });
  }

  #plain(row: ArtifactRow): ReadableArtifact {
    const { digest, sizeBytes, mediaType, base64 } = row;
    const open = ({ from, bytes }: ByteRange): Readable =>
      base64 === null ? this.store.read(digest, from, bytes) : Readable.from([Buffer.from(base64, 'base64').subarray(from, from + bytes)]);
    return { digest, sizeBytes, mediaType, isJoined: false, open };
  }

  #joined(row: ArtifactRow, manifest: Manifest): ReadableArtifact {
    // The right to the manifest is the right to its parts: its owner had them when it was made.
    const part = async ({ digest, from, bytes }: { digest: Digest; from: number; bytes: number }): Promise<Readable> => this.store.read(digest, from, bytes);
    return {
      digest: row.digest,
      sizeBytes: manifest.sizeBytes,
      mediaType: 'application/octet-stream',
      isJoined: true,
      open: (range) => joinedStream(manifest, range, part),
    };
  }

  async #manifest(digest: Digest): Promise<Manifest> {
    const known = this.#manifests.get(digest);
    if (known !== undefined) return known;
    const manifest = parseManifest((await buffer(this.store.read(digest, 0, Number.MAX_SAFE_INTEGER))).toString('utf8'));
    const oldest = this.#manifests.keys().next();
    if (this.#manifests.size >= MANIFESTS_KEPT && oldest.done !== true) this.#manifests.delete(oldest.value);
    this.#manifests.set(digest, manifest);
    return manifest;
  }
}

export const notFound = (what: string): UdcsError =>
  new UdcsError('NOT_FOUND', `there is no ${what} that you may read`, { hint: 'upload it first, or ask its owner' });

const overQuota = (owner: string, quotaBytes: number): UdcsError =>
  new UdcsError('QUOTA_EXCEEDED', `${owner} may store ${quotaBytes} bytes and this would be more`, {
    hint: 'remove old jobs, wait until unused artifacts are collected, or ask for a larger quota',
  });
