'use client';
// Names and kinds of the few workers a screen speaks of; each is asked for once.
import type { WorkerId, WorkerView } from '@udcs/protocol';
import { useEffect, useState } from 'react';
import { shortId } from '../../data/format.ts';
import { currentGrid } from '../../data/session.ts';

type Face = Pick<WorkerView, 'name'> & { readonly kind: WorkerView['kind'] | null };

export function useWorkerFaces(ids: readonly string[]): ReadonlyMap<string, Face> {
  const [faces, setFaces] = useState<ReadonlyMap<string, Face>>(new Map());
  const unknown = [...new Set(ids)].filter((id) => !faces.has(id)).join(' ');
  useEffect(() => {
    const grid = currentGrid();
    if (unknown === '' || grid === null) return;
    let left = false;
    const asked = unknown.split(' ').map(async (id): Promise<[string, Face]> => {
      try {
        const { name, kind } = await grid.call('workers.get', { id: id as WorkerId });
        return [id, { name, kind }];
      } catch {
        return [id, { name: shortId(id), kind: null }]; // it is gone; its id has to do
      }
    });
    void Promise.all(asked).then((answers) => {
      if (!left) setFaces((before) => new Map([...before, ...answers]));
    });
    return () => {
      left = true;
    };
  }, [unknown]);
  return faces;
}
