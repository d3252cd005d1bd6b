'use client';
import { Failure } from '../ui/panel.tsx';
import { Shell } from '../ui/shell.tsx';

/** What is left when a page breaks: a way on. The grid does not notice. */
export default function BrokenPage({ reset }: { error: Error; reset: () => void }) {
  return (
    <Shell title="This page broke">
      <Failure message="A defect of the dashboard stopped this page" hint="Jobs and workers are not touched by it" again={reset} />
    </Shell>
  );
}
