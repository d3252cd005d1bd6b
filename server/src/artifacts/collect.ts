// Takes away bytes that nobody needs any more: no job, no manifest, and nobody fetched the right to them within the grace.
import type { ArtifactBytes } from './artifact-bytes.ts';

const DAY_MS = 24 * 3600 * 1000;
const STEP = 500;

/** @returns how many artifacts and broken uploads were removed */
export async function collectArtifacts(
  bytes: ArtifactBytes,
  nowMs: number,
  graceMs = DAY_MS,
): Promise<{ readonly artifacts: number; readonly uploads: number }> {
  while ((await bytes.catalog.dropUnneeded(nowMs - graceMs, STEP)) === STEP) await new Promise((resolve) => setImmediate(resolve));
  let artifacts = 0;
  for (const digest of await bytes.catalog.unheld(STEP)) {
    await bytes.locks.remove(digest, async () => {
      if (!(await bytes.catalog.forget(digest))) return;
      // The row went first: a crash in between leaves a file without a row, never a row without its file.
      await bytes.store.remove(digest);
      artifacts += 1;
    });
  }
  artifacts += await removeStray(bytes, nowMs, graceMs);
  return { artifacts, uploads: await bytes.store.sweepParts(nowMs - graceMs) };
}

const HOUR_MS = 3600 * 1000;

/** Files that a crash left without a row: one of 256 folders each hour. */
async function removeStray(bytes: ArtifactBytes, nowMs: number, graceMs: number): Promise<number> {
  const prefix = (Math.floor(nowMs / HOUR_MS) % 256).toString(16).padStart(2, '0');
  const old = await bytes.store.listBefore(prefix, nowMs - graceMs);
  let removed = 0;
  for (const digest of old.length === 0 ? [] : await bytes.catalog.findUnstored(old)) {
    await bytes.locks.remove(digest, async () => {
      if ((await bytes.catalog.findUnstored([digest])).length === 0) return;
      await bytes.store.remove(digest);
      removed += 1;
    });
  }
  return removed;
}
