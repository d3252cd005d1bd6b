// Bytes of the grid as a file of this computer, checked against their digest on the way.
import type { BlobRef } from '@udcs/protocol';
import { UdcsError } from '@udcs/protocol';
import { currentGrid } from './session.ts';

/** @throws UdcsError */
export async function readBlob(blob: BlobRef, signal?: AbortSignal): Promise<Uint8Array> {
  const grid = currentGrid();
  if (grid === null) throw new UdcsError('UNAUTHENTICATED', 'this browser is not logged in');
  return grid.artifacts.read(blob, { signal });
}

/** @throws UdcsError */
export async function saveBlob(name: string, blob: BlobRef): Promise<void> {
  const bytes = await readBlob(blob);
  const url = URL.createObjectURL(new Blob([bytes.slice()], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // Revoked in the same turn, some browsers lose the download.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
