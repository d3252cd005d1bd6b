// Part (b): one 3840×2160 picture in tiles, drawn by WGSL in the tab and natively, stitched to a PNG. Eight random tiles are drawn again
// on the other kind of worker and compared.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Grid } from '@udcs/client';
import type { AttemptView, Job, TaskView } from '@udcs/protocol';
import { PNG } from 'pngjs';
import { deliver } from '../../tests/harness/stream.ts';
import { attemptsOf, type PartTally, tally } from './tally.ts';

export const picture = { width: 3840, height: 2160, tileWidth: 240, tileHeight: 135 };
const across = picture.width / picture.tileWidth;
const TILES = across * (picture.height / picture.tileHeight);
const TILE_BYTES = picture.tileWidth * picture.tileHeight * 4;
const WORKGROUP = 8;
const RECHECKED = 8;
/** Two renderings agree when this share of pixels differs by at most 2 of 255 in every channel. */
const AGREEMENT = { maxDifference: 2, share: 0.999 };

export interface SceneResult {
  readonly tally: PartTally;
  /** null = only one kind of worker was there, so nothing could be compared. */
  readonly verified: boolean | null;
  readonly proof: readonly string[];
  readonly adapters: readonly string[];
}

export function sceneJob(tiles: readonly number[], onlyKind: 'browser' | 'native' | null): Job {
  const uniform = (name: string, value: number | string): Record<string, unknown> => ({ name, type: 'u32', value });
  return {
    name: onlyKind === null ? `scene ${picture.width}×${picture.height} in ${tiles.length} tiles` : `${tiles.length} tiles again, on ${onlyKind}`,
    type: 'WGSL_KERNEL',
    spec: {
      code: readFileSync(join(import.meta.dirname, 'scene.wgsl'), 'utf8'),
      entryPoint: 'draw',
      workgroups: [Math.ceil(picture.tileWidth / WORKGROUP), Math.ceil(picture.tileHeight / WORKGROUP), 1],
      split: { axis: 'y', offset: 'first_row_group' },
      maxDispatchMs: 50,
      bindings: [
        {
          group: 0,
          binding: 0,
          kind: 'uniform',
          fields: [
            uniform('tile_index', '${entry.tile}'),
            { name: 'first_row_group', type: 'u32' }, // filled in: where this submit begins
            uniform('picture_width', picture.width),
            uniform('picture_height', picture.height),
            uniform('tile_width', picture.tileWidth),
            uniform('tile_height', picture.tileHeight),
          ],
        },
        { group: 0, binding: 1, kind: 'storage', dtype: 'u32', shape: [picture.tileHeight, picture.tileWidth], output: 'tile' },
      ],
    },
    array: { entries: tiles.map((tile) => ({ tile })) },
    outputs: [{ name: 'tile', maxBytes: TILE_BYTES }],
    requires: onlyKind === null ? [] : [{ attr: 'kind', op: '=', value: onlyKind }],
    labels: { demo: 'scene' },
  };
}

export interface TileSink {
  tile(index: number, pixels: Uint8Array, maker: 'browser' | 'native' | null): void;
}

/** @param sink told of every tile as it arrives, for the live view */
export async function drawScene(grid: Grid, out: string, sink: TileSink, onDone: (done: number, total: number) => void): Promise<SceneResult> {
  const startedMs = performance.now();
  const all = Array.from({ length: TILES }, (_tile, index) => index);
  const kinds = new Map((await grid.call('workers.list', { limit: 500 })).items.map((worker) => [worker.id, worker.kind]));
  const job = grid.submit(sceneJob(all, null));
  const tiles = new Map<number, Uint8Array>();
  const fetching: Promise<void>[] = [];
  const fetchTile = async (task: TaskView): Promise<void> => {
    const pixels = await job.outputOf(task, 'tile');
    tiles.set(task.index, pixels);
    sink.tile(task.index, pixels, task.worker === null ? null : (kinds.get(task.worker) ?? null));
  };
  const { twice } = await deliver(job, (done, task) => {
    if (task.state === 'succeeded') fetching.push(fetchTile(task));
    onDone(done, TILES);
  });
  await job;
  await Promise.all(fetching);
  stitch(tiles, join(out, 'scene.png'));
  const attempts = await attemptsOf(grid, await job.id);
  const counts = tally(attempts, TILES, twice, startedMs);
  return { tally: counts, adapters: adaptersOf(attempts), ...(await recheck(grid, attempts, tiles)) };
}

function stitch(tiles: ReadonlyMap<number, Uint8Array>, file: string): void {
  const png = new PNG({ width: picture.width, height: picture.height });
  const rowBytes = picture.tileWidth * 4;
  for (const [index, pixels] of tiles) {
    const x = (index % across) * rowBytes;
    const y = Math.floor(index / across) * picture.tileHeight;
    for (let row = 0; row < picture.tileHeight; row++) png.data.set(pixels.subarray(row * rowBytes, (row + 1) * rowBytes), (y + row) * picture.width * 4 + x);
  }
  writeFileSync(file, PNG.sync.write(png));
}

const adaptersOf = (attempts: readonly AttemptView[]): string[] => [
  ...new Set(
    attempts
      .filter((attempt) => attempt.usage !== null)
      .map(
        (attempt) =>
          `${attempt.workerKind === 'browser' ? 'tab' : 'native'}: ${Object.entries(attempt.usage?.versions ?? {})
            .map(([name, version]) => `${name} ${version}`)
            .join(', ')}`,
      ),
  ),
];

/** Draws random tiles on the kind of worker that had not drawn them. */
async function recheck(
  grid: Grid,
  attempts: readonly AttemptView[],
  tiles: ReadonlyMap<number, Uint8Array>,
): Promise<{ verified: boolean | null; proof: string[] }> {
  const makers = new Map(
    attempts.filter((attempt) => attempt.state === 'succeeded').map((attempt) => [Number(attempt.task.split('.')[1]), attempt.workerKind]),
  );
  const connected = new Set((await grid.call('workers.list', { state: 'online', limit: 500 })).items.map((worker) => worker.kind));
  if (connected.size < 2) return { verified: null, proof: ['only one kind of worker is connected: no tile could be drawn again on the other kind'] };
  const chosen = new Set<number>();
  while (chosen.size < RECHECKED) chosen.add(Math.floor(Math.random() * TILES));
  const proof: string[] = [];
  let verified = true;
  for (const kind of ['browser', 'native'] as const) {
    const drawnByOther = [...chosen].filter((tile) => makers.get(tile) !== kind);
    if (drawnByOther.length === 0) continue;
    const again = grid.submit(sceneJob(drawnByOther, kind));
    const { tasks } = await deliver(again);
    await again;
    for (const [index, tile] of drawnByOther.entries()) {
      const task = tasks.get(index);
      const first = tiles.get(tile);
      if (task === undefined || first === undefined) throw new Error(`tile ${tile} was not drawn again`);
      const share = agreeingShare(first, await again.outputOf(task, 'tile'));
      if (share < AGREEMENT.share) verified = false;
      proof.push(
        `tile ${tile}, drawn by ${makers.get(tile) === 'browser' ? 'the tab' : 'the native worker'}, again by the other: ${(share * 100).toFixed(2)} % of pixels within ${AGREEMENT.maxDifference}/255`,
      );
    }
  }
  return { verified, proof };
}

function agreeingShare(a: Uint8Array, b: Uint8Array): number {
  let agreeing = 0;
  for (let at = 0; at < a.length; at += 4) {
    const near = [0, 1, 2, 3].every((channel) => Math.abs((a[at + channel] ?? 0) - (b[at + channel] ?? 255)) <= AGREEMENT.maxDifference);
    if (near) agreeing += 1;
  }
  return agreeing / (a.length / 4);
}
