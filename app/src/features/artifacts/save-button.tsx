'use client';
// One file of the grid to keep: says what it is and how large, and what went wrong.
import { type BlobRef, toUdcsError } from '@udcs/protocol';
import { Download } from 'lucide-react';
import { useState } from 'react';
import { bytes } from '../../data/format.ts';
import { saveBlob } from '../../data/save-file.ts';

export function SaveButton({ name, fileName, blob }: { name: string; fileName: string; blob: BlobRef }) {
  const [state, setState] = useState<{ saving: boolean; problem: string | null }>({ saving: false, problem: null });
  const save = (): void => {
    setState({ saving: true, problem: null });
    saveBlob(fileName, blob).then(
      () => setState({ saving: false, problem: null }),
      (failure: unknown) => setState({ saving: false, problem: toUdcsError(failure).message }),
    );
  };
  return (
    <span className="mr-4 inline-block">
      <button type="button" disabled={state.saving} onClick={save} className="inline-flex cursor-pointer items-center gap-1.5 disabled:opacity-50">
        <Download size={14} aria-hidden />
        <span className="underline decoration-line underline-offset-4">{name}</span>
        <span className="text-soft">{bytes(blob.sizeBytes)}</span>
      </button>
      {state.problem !== null && (
        <span role="alert" className="block text-sm text-bad">
          {state.problem}
        </span>
      )}
    </span>
  );
}
