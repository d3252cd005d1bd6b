'use client';
// What one can do with a job: cancel it while it runs, run its failed tasks again once it has ended.
import { type JobId, type JobView, toUdcsError, type UdcsError } from '@udcs/protocol';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { plural } from '../../data/format.ts';
import { currentGrid } from '../../data/session.ts';
import { Button, Failure } from '../../ui/panel.tsx';

export function JobActions({ job }: { job: JobView }) {
  const id = job.id as JobId;
  if (job.endedAtMs === null) return <Cancel id={id} marked={job.canceledAtMs !== null} />;
  return job.counts.failed + job.counts.canceled > 0 ? <Retry id={id} lost={job.counts.failed + job.counts.canceled} total={job.counts.total} /> : null;
}

function Cancel({ id, marked }: { id: JobId; marked: boolean }) {
  const [asked, setAsked] = useState<'no' | 'sure' | 'sent'>('no');
  const [failure, setFailure] = useState<UdcsError | null>(null);
  const cancel = (): void => {
    setAsked('sent');
    setFailure(null);
    currentGrid()
      ?.call('jobs.cancel', { id })
      .catch((thrown: unknown) => {
        setAsked('no');
        setFailure(toUdcsError(thrown));
      });
  };
  const sent = asked === 'sent' || marked;
  return (
    <div className="flex flex-wrap items-center gap-3">
      {failure !== null && <Failure message={failure.message} hint={failure.hint} />}
      {asked === 'sure' ? (
        <>
          <span className="text-sm">What has ended stays. The rest will not run.</span>
          <Button onClick={cancel}>Cancel the job</Button>
          <Button quiet onClick={() => setAsked('no')}>
            Keep it
          </Button>
        </>
      ) : (
        <Button quiet disabled={sent} onClick={() => setAsked('sure')}>
          {sent ? 'Canceling…' : 'Cancel'}
        </Button>
      )}
    </div>
  );
}

function Retry({ id, lost, total }: { id: JobId; lost: number; total: number }) {
  const router = useRouter();
  const [working, setWorking] = useState(false);
  const [failure, setFailure] = useState<UdcsError | null>(null);
  const retry = (): void => {
    setWorking(true);
    setFailure(null);
    currentGrid()
      ?.call('jobs.retry', { id })
      .then(
        (submitted) => router.push(`/jobs/${submitted.id}`),
        (thrown: unknown) => {
          setWorking(false);
          setFailure(toUdcsError(thrown));
        },
      );
  };
  const words = lost === total ? 'Run it again' : `Run ${plural(lost, 'task')} again`;
  return (
    <div className="flex flex-wrap items-center gap-3">
      {failure !== null && <Failure message={failure.message} hint={failure.hint} />}
      <Button quiet disabled={working} onClick={retry}>
        {working ? 'Submitting…' : words}
      </Button>
    </div>
  );
}
