// The artifact catalogue as the API asks for it.
import { limits, UdcsError } from '@udcs/protocol';
import type { ArrayEntries } from '../../shell/index.ts';
import type { ArtifactCatalog, StoreReader } from '../../store/index.ts';
import type { ArtifactReads } from '../ports.ts';

const DEFAULT_PAGE = 100;

export function artifactReadsOf(
  catalog: ArtifactCatalog,
  reader: Pick<StoreReader, 'listArtifacts'>,
  entries: ArrayEntries,
  wallMs: () => number,
): ArtifactReads {
  return {
    missing: (owner, digests) => catalog.findMissing(owner, digests, wallMs()),
    async list(owner, query) {
      const page = await reader.listArtifacts({ owner, cursor: query.cursor, limit: query.limit ?? DEFAULT_PAGE });
      return { items: [...page.items], nextCursor: page.nextCursor, usedBytes: catalog.usedBytes(owner), quotaBytes: limits.ownerQuotaBytes };
    },
    async entries(digest, indexes) {
      try {
        return await entries.read(digest, indexes);
      } catch (thrown) {
        // At submit it is the submitter's artifact that is wrong, not a worker's fetch.
        if (thrown instanceof UdcsError && thrown.code === 'INPUT_UNAVAILABLE')
          throw new UdcsError('INVALID_INPUT', `job.array.entries: ${thrown.message}`, {
            hint: 'the artifact holds one JSON object per line, one line per task',
          });
        throw thrown;
      }
    },
  };
}
